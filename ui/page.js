// What the page does in the browser alone: the whole text to the clipboard or into a file.
window.charlstm = {
  async copyText(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https there is no clipboard object but on localhost; this older way works there.
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
