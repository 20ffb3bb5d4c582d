// What the page does without the server: what shows that an answer is being written, and the whole
// text to the clipboard or into a file (what is kept: chat/conversations.js). Each function gets the
// values of an event's inputs; what it returns goes to the outputs.
window.charlstm = (() => {
  const update = (properties) => ({ __type__: "update", ...properties });
  // So many controls, which rest while an answer is being written.
  const all = (controls, interactive) => Array(controls).fill(update({ interactive }));
  // With the timer that has a long answer kept while it is written.
  const resting = (controls) => [update({ active: true }), ...all(controls, false)];
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
    begin(controls, message, shown) {
      shownBefore = JSON.stringify(shown);
      writing += 1;
      return [message, "send", update({ ...busy, value: "" }), ...resting(controls)];
    },

    // What follows by itself ("alone"), or another answer in place of the last ("retry"); what was
    // typed stays in the box.
    beginOther(controls, how) {
      shownBefore = "";
      writing += 1;
      return ["", how, update(busy), ...resting(controls)];
    },

    // After a success or a failure. A message that never came to be shown is given back.
    end(controls, message, shown) {
      writing -= 1;
      if (writing > 0) return Array(controls + 2).fill(update({}));
      const lost = message && JSON.stringify(shown) === shownBefore;
      const box = update(lost ? { ...idle, value: message } : idle);
      return [box, update({ active: false }), ...all(controls, true)];
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
