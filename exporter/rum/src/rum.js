// In the scope of one function with `settings` (the exporter's) and `webVitals`. The page must never notice this code.
const guard = (work) => function () {
  try {
    return work.apply(this, arguments);
  } catch {}
};

guard(() => {
  if (window.rollwatch) return;
  const api = (window.rollwatch = { goal() {}, route() {}, error() {} });
  const script = document.currentScript;
  const data = script?.dataset ?? {};
  if (!settings.endpoint && !script?.src) return;
  const endpoint = new URL(settings.endpoint || "ingest/browser", script?.src || location.href).href;
  const bytes = new TextEncoder();
  const round = (value) => Math.round(value * 1e4) / 1e4;
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => (b + 256).toString(16).slice(1)).join("");

  // Control characters and lone surrogates are no JSON that every parser takes.
  const clean = (text, max) => String(text).slice(0, max).replace(/(?!\n)[\p{Cc}\p{Cs}]/gu, " ");

  // No address keeps its query or fragment; a position (":line:column") behind it stays.
  const bare = (text) =>
    String(text).slice(0, 65536).replace(/\S+/g, (word) => {
      const cut = word.search(/[?#]/);
      if (cut < 0 || !(word.lastIndexOf("/", cut) >= 0 || /^\?[^=?]+=/.test(word.slice(cut)))) return word;
      return word.slice(0, cut) + /(:\d{1,7}:\d{1,7})?[)\]}"',.;:!]{0,8}$/.exec(word)[0];
    });

  // Clocks are set, laptops sleep: a longer session or load is none.
  const longest = 30 * 86400e3;
  const plausible = (ms) => ms >= 0 && ms <= 600e3;
  const session = (() => {
    const key = "rollwatch." + settings.service;
    try {
      const kept = JSON.parse(sessionStorage.getItem(key));
      const age = Date.now() - kept.start;
      if (/^[\w-]{8,64}$/.test(kept.id) && age >= 0 && age < longest) return kept;
    } catch {}
    const made = { id: random(), start: Date.now(), sampled: Math.random() < (settings.sample ?? 1) };
    try {
      sessionStorage.setItem(key, JSON.stringify(made));
    } catch {}
    return { ...made, isNew: true };
  })();
  if (!session.sampled) return;

  const phone = () => matchMedia("(pointer: coarse)").matches && Math.min(screen.width, screen.height) < 768;
  const device = guard(() => navigator.userAgentData?.mobile ?? phone())() ? "mobile" : "desktop";
  const release = clean(data.release ?? "", 64) || undefined;

  const send = (events, leaving) => {
    const now = Date.now();
    const head = {
      v: 1,
      id: random(),
      service: settings.service,
      session: session.id,
      session_age_s: Math.min(Math.max(0, now - session.start), longest) / 1000,
      release,
      device,
      sent_at: now / 1000,
    };
    const body = `${JSON.stringify(head).slice(0, -1)},"events":[${events}]}`;
    try {
      if (navigator.sendBeacon(endpoint, body)) return;
    } catch {}
    fetch(endpoint, {
      method: "POST",
      body,
      headers: { "Content-Type": "text/plain;charset=UTF-8" },
      mode: "no-cors",
      credentials: "omit",
      referrerPolicy: "origin",
      keepalive: leaving,
    }).catch(() => {});
  };

  let queue = [];
  let waiting = 0;
  let timer = 0;
  let heapAt = -Infinity;
  const later = () => (timer ||= setTimeout(guard(flush), 10000));

  const flush = (leaving = false) => {
    clearTimeout(timer);
    timer = 0;
    if (document.prerendering) return document.addEventListener("prerenderingchange", later, { once: true });
    const heap = performance.memory?.usedJSHeapSize;
    const now = performance.now();
    if (heap > 0 && now - heapAt >= (leaving ? 1000 : 60000)) {
      heapAt = now;
      queue.push([{ type: "heap", value: heap }, view]);
    }
    const texts = queue.map(([event, at]) => JSON.stringify({ ...event, path: at?.path, route: at?.route }));
    queue = [];
    waiting = 0;
    let batch = [];
    let size = 0;
    for (const text of texts) {
      const length = bytes.encode(text).length + 1;
      if (batch.length >= 50 || size + length > 58000) {
        send(batch, leaving);
        batch = [];
        size = 0;
      }
      batch.push(text);
      size += length;
    }
    if (batch.length) send(batch, leaving);
  };

  // Browsers take 64 KiB at once from a page that is left: long stacks don't wait for that.
  const add = (event, at) => {
    queue.push([event, at]);
    waiting += event.stack?.length ?? 0;
    if (queue.length < 20 && waiting < 20000) later();
    else flush();
  };

  // A view is one object, so that a route told late reaches the events that still wait.
  const template = (route) => (route ? clean(String(route).split(/[?#]/)[0], 512) || undefined : undefined);
  const here = () => clean(location.pathname, 512);
  const look = (route) => {
    view = { path: here(), route: template(route), errors: 0 };
    add({ type: "view" }, view);
  };
  const moved = guard(() => here() !== view.path && look());
  let view;
  let hidden = document.visibilityState === "hidden";

  if (session.isNew) add({ type: "session_start" });
  look(data.route);
  let page = view;

  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = function () {
      const result = original.apply(this, arguments);
      moved();
      return result;
    };
  }
  addEventListener("popstate", moved);
  addEventListener(
    "pageshow",
    guard((event) => {
      if (!event.persisted) return;
      look(view.route);
      page = view;
    }),
    true,
  );

  const fail = (kind, thrown, message, place) => {
    if (view.errors >= 20) return;
    const error = Object(thrown);
    const stack = error.stack || place;
    add(
      {
        type: "error",
        kind,
        name: clean(error.name || "Error", 64),
        message: clean(bare(error.message ?? message ?? thrown), 1000),
        stack: stack ? clean(bare(stack), 16384) : undefined,
        first: view.errors++ === 0,
      },
      view,
    );
  };
  addEventListener(
    "error",
    guard((event) => {
      if (!(event instanceof ErrorEvent)) return;
      const place = event.filename && `    at ${event.filename}:${event.lineno}:${event.colno}`;
      fail("error", event.error, event.message, place);
    }),
  );
  addEventListener("unhandledrejection", guard((event) => fail("rejection", event.reason)));

  api.goal = guard((name) => name && add({ type: "goal", name: clean(name, 64) }));
  api.route = guard((route) => {
    view.route = template(route);
  });
  api.error = guard((error) => fail("error", error));
  document.addEventListener(
    "click",
    guard((event) => api.goal(event.target.closest("[data-rollwatch-goal]")?.dataset.rollwatchGoal)),
    true,
  );

  const loaded = guard(() => {
    const entry = performance.getEntriesByType("navigation")[0];
    const value = entry.loadEventEnd - (entry.activationStart ?? 0);
    if (value > 0 && plausible(value) && !hidden) add({ type: "load", value: round(value) }, page);
  });
  if (document.readyState === "complete") setTimeout(loaded);
  else addEventListener("load", () => setTimeout(loaded));

  const reported = new Set();
  const vital = guard(({ id, name, value }) => {
    if (reported.has(id) || !plausible(value)) return;
    reported.add(id);
    add({ type: "vital", name, value: round(value) }, page);
  });
  for (const name of ["TTFB", "FCP", "LCP", "CLS"]) guard(() => webVitals["on" + name](vital))();
  // What it learns of an interaction in the last idle moment it tells only who wants all changes.
  let slowest;
  guard(() => webVitals.onINP((metric) => (slowest = metric), { reportAllChanges: true }))();

  // After the listeners of web-vitals, which give their last values when the page is hidden.
  document.addEventListener(
    "visibilitychange",
    guard(() => {
      if (document.visibilityState !== "hidden") return;
      hidden = true;
      if (slowest) vital(slowest);
      flush(true);
    }),
  );
  addEventListener("pagehide", guard(() => flush(true)));
  // A page left open all day says how large its heap has grown.
  setInterval(guard(() => document.visibilityState === "visible" && flush()), 300000);
})();
