// The page's own script: what is shown of a symbol, without loading the page anew, and orders.
const form = document.getElementById("order");
const fees = JSON.parse(form.dataset.fees);
const dollars = (amount) => amount.toLocaleString("en-US", { style: "currency", currency: "USD" });
const text = (id, said) => {
  document.getElementById(id).textContent = said;
};

function show(path) {
  const symbol = path.split("/")[2] ?? "AAPL";
  for (const row of document.querySelectorAll("tbody tr")) {
    const isShown = row.dataset.symbol === symbol;
    if (isShown) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    if (isShown) form.dataset.price = row.dataset.price;
  }
  form.elements.symbol.value = symbol;
  document.title = path === "/" ? "Larkspur Markets" : `${symbol} · Larkspur Markets`;
  text("symbol", symbol);
  text("said", "");
  showFee();
}

function showFee() {
  const price = Number(form.dataset.price);
  const quantity = Number(form.elements.quantity.value);
  text("price", dollars(price));
  text("total", dollars(price * quantity));
  // What an order costs is said by the server.
  text("fee", `$${fees.order.toFixed(2)}`);
  text("total", dollars(price * quantity + fees.order));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="/"]');
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  if (link.pathname !== location.pathname) history.pushState(null, "", link.pathname);
  show(link.pathname);
});
addEventListener("popstate", () => show(location.pathname));
form.elements.quantity.addEventListener("input", showFee);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const order = Object.fromEntries(new FormData(form));
  const answer = await fetch(form.action, { method: "POST", body: JSON.stringify(order) });
  text("said", answer.ok ? `Order ${(await answer.json()).id} is placed.` : "That order was not taken.");
});

show(location.pathname);
