// What the page does without the server: what shows that an answer is being written, and the whole
// text to the clipboard or into a file (what is kept: conversations.js). Each function gets the
// values of an event's inputs and outputs; what it returns goes to the outputs.
window.charlstm = (() => {
  const update = (properties) => ({ __type__: "update", ...properties });
  // Controls that rest while an answer is being written.
  const all = (controls, interactive) => controls.map(() => update({ interactive }));
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

  return {
    begin(message, shown, _sent, _how, _box, _timer, ...controls) {
      shownBefore = JSON.stringify(shown);
      return [message, "send", update({ ...busy, value: "" }), ...resting(controls)];
    },

    // What follows by itself; what was typed stays in the box.
    beginAlone(shown, _sent, _how, _box, _timer, ...controls) {
      shownBefore = "";
      return ["", "alone", update(busy), ...resting(controls)];
    },

    // Another answer in place of the last one.
    beginAgain(sent, _how, _box, _timer, ...controls) {
      shownBefore = "";
      return [sent, "retry", update(busy), ...resting(controls)];
    },

    // After a success or a failure. A message that never came to be shown is given back.
    end(message, shown, _box, _timer, ...controls) {
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
