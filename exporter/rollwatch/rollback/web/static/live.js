// Keeps the moving part of a page fresh. Without it the page is reloaded by hand.
"use strict";

(() => {
  const PATIENCE_MS = 10000;
  const controls = document.getElementById("controls");
  const news = document.getElementById("news");
  const halt = document.getElementById("halt");
  const says = document.getElementById("says");
  let live = document.getElementById("live");

  // A form that is sent twice by an impatient finger is sent once.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
  if (!live || !controls || "over" in live.dataset) return;

  const everyMs = Number(live.dataset.everyMs);
  const pace = `Refreshes every ${everyMs / 1000} s.`;
  const ending = document.title.slice(document.title.indexOf(" · "));
  let told = live.dataset.says;
  let shown = "";
  let halted = false;
  let pressed = false;

  const say = (text) => {
    if (news.textContent !== text) news.textContent = text;
  };

  // A click is lost where the button is exchanged between press and release.
  addEventListener("pointerdown", () => { pressed = true; });
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, () => setTimeout(() => { pressed = false; }));
  }

  const isSelected = () => {
    const selection = getSelection();
    return selection && !selection.isCollapsed && live.contains(selection.anchorNode);
  };

  // What a person has typed, opened and focused outlives the exchange.
  const exchange = (fresh) => {
    const focused = document.activeElement;
    const kept = live.contains(focused) ? focused.id : "";
    const marks = kept && typeof focused.selectionStart === "number"
      ? [focused.selectionStart, focused.selectionEnd] : null;
    const scrolled = new Map();
    const twin = (old) => fresh.querySelector(`#${CSS.escape(old.id)}`);
    for (const old of live.querySelectorAll("details[id]")) {
      const next = twin(old);
      if (next) next.open = old.open;
      const pre = old.querySelector("pre");
      if (pre && pre.scrollTop) scrolled.set(old.id, pre.scrollTop);
    }
    for (const old of live.querySelectorAll("input[id]")) {
      const next = twin(old);
      if (next) next.value = old.value;
    }
    fresh.querySelector("[data-controls]").append(controls);
    live.replaceWith(fresh);
    live = fresh;
    for (const [id, top] of scrolled) {
      const pre = document.querySelector(`#${CSS.escape(id)} pre`);
      if (pre) pre.scrollTop = top;
    }
    const back = kept && document.getElementById(kept);
    if (back) {
      back.focus({ preventScroll: true });
      if (marks) back.setSelectionRange(marks[0], marks[1]);
    }
  };

  const look = async () => {
    const answer = await fetch(live.dataset.live, {
      credentials: "same-origin",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (answer.status === 401) {
      halted = true;
      halt.hidden = true;
      say("You are signed out: reload the page to log in.");
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!fresh) throw new Error("no news in it");
    if (halted || pressed || live.querySelector("form[data-sent]")) return;
    if (isSelected()) {
      say("Waits while text is selected.");
      return;
    }
    if (text !== shown) exchange(document.adoptNode(fresh));
    shown = text;
    document.title = `${live.dataset.title}${ending}`;
    if (live.dataset.says !== told) {
      told = live.dataset.says;
      says.textContent = told;
    }
    say(pace);
  };

  const turn = async () => {
    if (!halted && !document.hidden) {
      try {
        await look();
      } catch {
        say("No answer from the handler: what is shown is old. Trying again.");
      }
    }
    if ("over" in live.dataset) controls.hidden = true;
    else setTimeout(turn, everyMs);
  };

  halt.addEventListener("click", () => {
    halted = !halted;
    halt.textContent = halted ? "Refresh again" : "Stop refreshing";
    say(halted ? "Refreshing is stopped: what is shown is old." : pace);
  });
  say(pace);
  live.querySelector("[data-controls]").append(controls);
  controls.hidden = false;
  setTimeout(turn, everyMs);
})();
