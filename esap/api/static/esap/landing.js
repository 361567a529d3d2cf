// The search box of the landing page: one POST, and rows as each archive answers (NDJSON).
const form = document.getElementById("search");
const said = document.getElementById("said");
const chips = document.getElementById("archives");
const results = document.getElementById("results");
let running = null;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  running?.abort(); // the gateway notices, and stops asking
  running = new AbortController();
  chips.replaceChildren();
  results.replaceChildren();
  said.textContent = "Asking the archives …";
  const what = form.what.value.trim();
  const isPosition = /^[\d\s.:,+hmsd-]+$|^(gal|l\s*=)/i.test(what);
  const question = {
    [isPosition ? "position" : "target"]: what,
    fov: form.fov.value,
    limit: 200,
    timeout: 15,
  };
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/x-ndjson" },
      body: JSON.stringify(question),
      signal: running.signal,
    });
    if (!answer.ok) throw new Error((await answer.json()).detail);
    for await (const event of lines(answer.body)) show(event);
  } catch (error) {
    if (error.name !== "AbortError") said.textContent = error.message;
  }
});

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part, exact);
  }
}

// Identifiers such as Gaia's are beyond 2^53: they are shown as they were written.
const exact = (_, value, context) =>
  Number.isInteger(value) && !Number.isSafeInteger(value) ? (context?.source ?? value) : value;

const key = (event) => `${event.archive}/${event.dataset}`;
const element = (name, text, parent) => {
  const made = document.createElement(name);
  made.textContent = text ?? "";
  parent?.append(made);
  return made;
};

const outcome = (event) => {
  if (event.rows) return `${event.rows} row${event.rows > 1 ? "s" : ""}`;
  return event.slug === "backend-unavailable" ? "not reached" : event.status;
};

const on = {
  search(event) {
    for (const asked of event.asked) {
      const chip = element("li", asked.dataset || asked.archive, chips);
      chip.id = `chip ${key(asked)}`;
    }
    const from = event.resolved;
    if (from) said.textContent = `${from.name} is at ${from.ra.toFixed(4)}, ${from.dec.toFixed(4)}, says ${from.resolver}.`;
  },
  columns(event) {
    const box = element("section", "", results);
    box.id = `rows ${key(event)}`;
    box.hidden = true;
    element("h2", event.dataset || event.archive, box);
    const frame = element("div", "", box);
    frame.className = "table";
    frame.tabIndex = 0;
    const table = element("table", "", frame);
    const head = element("tr", "", element("thead", "", table));
    for (const column of event.columns) {
      const cell = element("th", column.name, head);
      cell.scope = "col";
      cell.title = column.description ?? "";
      if (column.unit) element("small", column.unit, cell);
    }
    element("tbody", "", table);
  },
  rows(event) {
    const box = document.getElementById(`rows ${key(event)}`);
    box.hidden = false;
    const body = box.querySelector("tbody");
    for (const row of event.rows) {
      const line = element("tr", "", body);
      for (const value of row) element("td", value, line);
    }
  },
  archive(event) {
    const chip = document.getElementById(`chip ${key(event)}`);
    chip.dataset.status = event.status;
    chip.textContent = `${event.dataset || event.archive}: ${outcome(event)}`;
    chip.title = event.detail;
  },
  end(event) {
    said.textContent += ` ${event.rows_total} rows in ${event.elapsed} s.`;
  },
};
const show = (event) => on[event.event]?.(event);
