// What the page itself sees of its speed, by the definitions of web.dev/articles/vitals, and what a test can do to it.
(() => {
  window.measured = {LCP: 0, INP: -1, CLS: 0, FCP: 0, TTFB: 0};
  const watch = (type, take) => {
    try {
      const observer = new PerformanceObserver((list) => list.getEntries().forEach(take));
      observer.observe({type, buffered: true, durationThreshold: 16});
    } catch {}
  };
  let shifts = [];
  watch("largest-contentful-paint", (entry) => { measured.LCP = entry.startTime; });
  watch("paint", (entry) => { if (entry.name === "first-contentful-paint") measured.FCP = entry.startTime; });
  for (const type of ["event", "first-input"]) {
    watch(type, (entry) => { if (entry.interactionId) measured.INP = Math.max(measured.INP, entry.duration); });
  }
  watch("navigation", (entry) => { measured.TTFB = entry.responseStart; });
  watch("layout-shift", (entry) => {
    if (entry.hadRecentInput) return;
    const last = shifts.at(-1);
    if (last && (entry.startTime - last.startTime >= 1000 || entry.startTime - shifts[0].startTime >= 5000)) shifts = [];
    shifts.push(entry);
    measured.CLS = Math.max(measured.CLS, shifts.reduce((sum, shift) => sum + shift.value, 0));
  });
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("slow").addEventListener("click", () => {
      const until = performance.now() + 80;
      while (performance.now() < until);
    });
  });
  window.shift = () => { document.getElementById("space").style.height = "150px"; };
  window.crash = (message) => setTimeout(() => { throw new TypeError(message); });
  window.hide = (hidden) => {
    Object.defineProperty(document, "visibilityState", {value: hidden ? "hidden" : "visible", configurable: true});
    document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
  };
})();
