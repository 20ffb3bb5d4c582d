// What the page does without the server: what shows that an answer is being written, and the whole
// text to the clipboard or into a file. Each function gets the values of an event's inputs and
// outputs; what it returns goes to the outputs.
window.charlstm = (() => {
  const update = (properties) => ({ __type__: "update", ...properties });
  // Controls that rest while an answer is being written.
  const all = (controls, interactive) => controls.map(() => update({ interactive }));
  const busy = { submit_btn: false, stop_btn: "Stop" };
  const idle = { submit_btn: "Send", stop_btn: false };
  let shownBefore = 0;

  return {
    begin(message, shown, _sent, _how, _box, ...controls) {
      shownBefore = shown.length;
      return [message, "send", update({ ...busy, value: "" }), ...all(controls, false)];
    },

    // What follows by itself; what was typed stays in the box.
    beginAlone(shown, _sent, _how, _box, ...controls) {
      shownBefore = -1;
      return ["", "alone", update(busy), ...all(controls, false)];
    },

    // Another answer in place of the last one.
    beginAgain(sent, _how, _box, ...controls) {
      shownBefore = -1;
      return [sent, "retry", update(busy), ...all(controls, false)];
    },

    // After a success or a failure. A message that never came to be shown is given back.
    end(message, shown, _box, ...controls) {
      const lost = message && shown.length <= shownBefore;
      return [update(lost ? { ...idle, value: message } : idle), ...all(controls, true)];
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
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
      link.download = "text.txt";
      link.click();
      URL.revokeObjectURL(link.href);
    },
  };
})();
