// What the page does without the server: what shows that an answer is being written, and the whole
// text to the clipboard or into a file (what is kept: chat/conversations.js). Each function gets the
// values of an event's inputs; what it returns goes to the outputs.
window.charlstm = (() => {
  const update = (properties) => ({ __type__: "update", ...properties });
  // What changes the transcript or its form rests while an answer is being written.
  const rest = (rests) => {
    const buttons = document.querySelectorAll("#tools button:nth-child(-n + 4)");
    for (const button of buttons) button.disabled = rests;
    const speakers = document.querySelector("#speakers");
    if (speakers) speakers.inert = rests;
  };
  const busy = { submit_btn: false, stop_btn: "Stop" };
  const idle = { submit_btn: "Send", stop_btn: false };
  const save = (content, name, type) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  let shownBefore = ""; // when a message was sent
  let writing = 0; // answers: a conversation may be left while one is written in it

  return {
    begin(message, shown) {
      shownBefore = JSON.stringify(shown);
      writing += 1;
      rest(true);
      return [message, "send", update({ ...busy, value: "" }), update({ active: true })];
    },

    // What follows by itself ("alone"), or another answer in place of the last ("retry"); what was
    // typed stays in the box.
    beginOther(how) {
      shownBefore = "";
      writing += 1;
      rest(true);
      return ["", how, update(busy), update({ active: true })];
    },

    // After a success or a failure. A message that never came to be shown is given back.
    end(message, shown) {
      writing -= 1;
      if (writing > 0) return [update({}), update({})];
      rest(false);
      const lost = message && JSON.stringify(shown) === shownBefore;
      return [update(lost ? { ...idle, value: message } : idle), update({ active: false })];
    },

    // On a phone the settings are closed at first.
    fold() {
      return update(innerWidth > 640 ? {} : { open: false });
    },

    // Another conversation is shown: what was sent before is no longer to be given back.
    leave() {
      shownBefore = "";
    },

    async copyText(text) {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // Without https there is no clipboard but on localhost; this older way works there too.
        const area = document.createElement("textarea");
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
    },

    downloadText(text) {
      save(text, "text.txt", "text/plain;charset=utf-8");
    },

    // With model, settings and seeds: python -m model generate --from conversation.json
    downloadJson(text) {
      save(text, "conversation.json", "application/json");
    },
  };
})();
