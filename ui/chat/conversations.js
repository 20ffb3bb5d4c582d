// Conversations in the visitor's own browser: kept, listed in the sidebar, opened, renamed, deleted.
// Each has a key of its own in localStorage, so that two tabs don't overwrite one another's. What was
// written reaches the page as text alone, never as HTML.
window.charlstm.conversations = (element, trigger, props, watch) => {
  const PREFIX = "charlstm-conversation-", SHOWN = "charlstm-shown";
  const narrow = matchMedia("(max-width: 768px)"); // Gradio's own: a sidebar covers the page there
  const unkept = {}; // what storage refused, by id: it goes when the page is closed
  const seen = {}; // by id: when it was changed last, as far as this tab knows
  const titles = {}; // given by the visitor, by id: one that is cleared may come back
  const moved = {}; // by the server's id: the id here, where another tab has gone on otherwise
  let model = "", shown = "", deleted = null, deletedFrom = ""; // the latter: what was shown then

  const read = (id) => {
    try {
      return JSON.parse(unkept[id] ?? localStorage.getItem(PREFIX + id));
    } catch {
      return null;
    }
  };

  const write = (kept) => {
    const text = JSON.stringify(kept);
    try {
      localStorage.setItem(PREFIX + kept.id, text);
      delete unkept[kept.id];
    } catch {
      if (!Object.keys(unkept).length) trigger("refused"); // seen on a phone, too
      unkept[kept.id] = text;
    }
  };

  const remove = (id) => {
    delete unkept[id];
    try {
      localStorage.removeItem(PREFIX + id);
    } catch {} // it was never there
  };

  // Those of this model, the newest first.
  const all = () => {
    let keys = [];
    try {
      keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    } catch {} // refused
    const ids = new Set([...keys.map((key) => key.slice(PREFIX.length)), ...Object.keys(unkept)]);
    const own = [...ids].map(read).filter((kept) => kept?.model === model);
    return own.sort((one, other) => other.changed - one.changed);
  };

  const titleOf = (kept) => {
    const words = kept.messages.map(({ text }) => text.trim().replace(/\s+/g, " ")).find(Boolean);
    return kept.title ?? [...(words ?? "…")].slice(0, 100).join("");
  };

  const make = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  const row = (kept) => {
    const title = titleOf(kept), name = (verb) => ({ ariaLabel: `${verb} ${title}`, title: verb });
    const when = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
    const date = new Date(kept.changed).toLocaleString(undefined, when);
    return make("li", {},
      make("button", { className: "open", id: `open-${kept.id}`, onclick: () => open(kept.id) },
        make("bdi", { textContent: title }), make("small", { textContent: date })),
      make("button", { ...name("Rename"), id: `rename-${kept.id}`, textContent: "✎",
        onclick: ({ target }) => rename(kept.id, title, target) }),
      make("button", { ...name("Delete"), textContent: "✕", onclick: () => drop(kept) }));
  };

  const draw = () => {
    if (element.querySelector("input")) return; // a title is being typed
    const focused = document.activeElement?.id;
    const list = make("ul", {}, ...all().map(row));
    list.querySelector(`#open-${shown || "none"}`)?.setAttribute("aria-current", "true");
    element.replaceChildren(list);
    if (deleted) {
      const undo = make("button", { textContent: "Undo", id: "undelete", onclick: restore });
      const said = make("bdi", { textContent: titleOf(deleted) });
      element.prepend(make("p", { className: "deleted", role: "status" }, "Deleted: ", said, undo));
    }
    if (Object.keys(unkept).length) element.prepend(make("p", { textContent: props.unkept }));
    if (focused) document.getElementById(focused)?.focus();
  };

  const open = (id) => {
    const kept = read(id);
    if (!kept) return draw(); // another tab has deleted it
    [deleted, seen[id]] = [null, kept.changed];
    delete moved[id];
    trigger("open", { conversation: JSON.stringify(kept) });
  };

  const rename = (id, title, button) => {
    const field = make("input", { value: title, maxLength: 100, ariaLabel: "Title", dir: "auto" });
    field.onkeydown = (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault(); // the button gets the focus, and would be pressed
      if (event.key === "Escape") field.value = title;
      field.blur();
    };
    field.onblur = () => {
      const typed = field.value.trim(), kept = read(id);
      if (kept && typed && typed !== title) write({ ...kept, title: typed });
      field.remove();
      draw();
      document.getElementById(button.id)?.focus();
    };
    button.parentElement.firstChild.replaceWith(field);
    field.select();
  };

  const drop = (kept) => {
    [deleted, deletedFrom] = [read(kept.id), shown];
    remove(kept.id);
    if (kept.id === shown) trigger("drop");
    draw();
    document.getElementById("undelete")?.focus(); // not while a title is being typed
  };

  const restore = () => {
    write(deleted);
    const { id } = deleted;
    deleted = null;
    if (shown === "" && deletedFrom === id) open(id);
    draw();
  };

  const keep = (changed) => {
    let id = moved[changed.id] ?? changed.id, before = read(id);
    const messages = JSON.stringify(changed.messages);
    if (JSON.stringify(before?.messages ?? []) === messages) return;
    if (before && before.changed !== seen[id]) { // by another tab: both stay
      before = null;
      id = moved[changed.id] = Math.random().toString(36).slice(2);
    }
    titles[id] = before?.title ?? titles[id];
    if (changed.messages.length) {
      seen[id] = Date.now();
      write({ ...changed, id, changed: seen[id], title: titles[id] });
    } else {
      remove(id);
    }
  };

  const toggle = (state) => document.querySelector(`#sidebar${state} .toggle-button`)?.click();

  const learn = () => {
    const told = JSON.parse(props.value), was = shown;
    if (told.changed.id) keep(told.changed);
    [model, shown] = [told.model, moved[told.shown] ?? told.shown];
    try {
      sessionStorage.setItem(SHOWN, shown);
    } catch {} // a reload shows the newest
    // The one that was left may never have been shown as kept: its first answer was short.
    if (shown !== was || told.changed.id !== told.shown) window.charlstm.leave();
    // Not if it was deleted: that can be undone there.
    if (shown !== was && deleted?.id !== was && narrow.matches) toggle(".open");
    draw();
    // Else nobody scrolls through a long text by the keyboard alone.
    document.querySelector('#text [role="log"]')?.setAttribute("tabindex", "0");
  };

  // The buttons at a message. Gradio leaves them no mark, so it is told by how many are before it:
  // each has one row for its text, and perhaps one above that.
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("#text .above button");
    if (!button) return;
    const rows = [...document.querySelectorAll("#text :is(.user-row, .bot-row)")];
    const before = rows.slice(0, rows.indexOf(button.closest(".user-row, .bot-row")));
    const message = before.filter((row) => !row.querySelector(".above")).length;
    if (button.className === "edit") {
      trigger("edit", { message });
      document.querySelector("#message textarea").focus();
    } else {
      trigger("turn", { message, later: button.className === "later" });
    }
  });

  // From wherever one is on the page.
  element.closest("#sidebar").addEventListener("click", ({ target }) => {
    if (target.closest("li .open, #new")) document.querySelector('[role="tab"]').click();
  });

  watch("value", learn);
  addEventListener("storage", draw);
  narrow.onchange = () => toggle(narrow.matches ? ".open" : ":not(.open)");
  let last = null;
  try {
    last = sessionStorage.getItem(SHOWN);
  } catch {} // the newest, then
  learn();
  const [newest] = all();
  if (newest) open(all().some(({ id }) => id === last) ? last : newest.id);
  if (!narrow.matches) setTimeout(toggle, 0, ""); // the sidebar is made after what is in it
};
