// Crosswalk's console. Every page works without this file; it adds live lists, searchable choices, the pop-up.
"use strict";

const LIVE_MS = 5000;

// A list that is fetched again while the page is visible and nobody is inside it.
function keepLive(box) {
  setInterval(async () => {
    if (document.hidden || box.contains(document.activeElement)) return;
    try {
      const answer = await fetch(box.dataset.refresh, { headers: { "X-Requested-With": "fetch" }, redirect: "error" });
      if (!answer.ok) return;
      const text = await answer.text();
      if (text.trim() !== box.dataset.last) {
        const open = [...box.querySelectorAll("details[open][id]")].map((one) => one.id);
        box.innerHTML = text;
        box.dataset.last = text.trim();
        for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      }
    } catch { /* the server is away for a moment: the list stays as it is */ }
  }, 1000 * box.dataset.every || LIVE_MS);
}

// "12 new, show": what came since is announced, and never moves the table under the reader.
function announce(box) {
  const link = box.querySelector("a");
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(box.dataset.news, { headers: { "X-Requested-With": "fetch" }, redirect: "error" });
      if (!answer.ok) return;
      const told = await answer.json();
      const text = told.new ? `${told.more ? "More than " : ""}${told.new} new, show` : "";
      if (text && link.textContent !== text) { link.textContent = text; link.hidden = false; }
      if (told.more) clearInterval(timer);
    } catch { /* asked again in a moment */ }
  }, LIVE_MS);
}

// A select of many fields becomes a box to type in (the combobox pattern of the ARIA practices guide).
class Combo {
  constructor(select) {
    this.select = select;
    this.input = document.createElement("input");
    this.list = document.createElement("ul");
    this.active = -1;
    const box = document.createElement("div");
    box.className = "combo";
    this.input.type = "text";
    this.input.autocomplete = "off";
    this.input.id = select.id;
    this.input.placeholder = "Choose a field";
    select.id += "-select";
    this.list.id = `${this.input.id}-list`;
    this.list.setAttribute("role", "listbox");
    this.list.hidden = true;
    const label = document.querySelector(`label[for="${this.input.id}"]`);
    if (label) { label.id = `${this.input.id}-label`; this.list.setAttribute("aria-labelledby", label.id); }
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": this.list.id })) this.input.setAttribute(name, value);
    for (const name of ["aria-invalid", "aria-describedby"]) if (select.hasAttribute(name)) this.input.setAttribute(name, select.getAttribute(name));
    this.show();
    select.hidden = true;
    select.before(box);
    box.append(this.input, this.list, select);
    this.input.addEventListener("focus", () => { this.input.setSelectionRange(0, this.input.value.length, "backward"); this.input.scrollLeft = 0; });
    this.input.addEventListener("click", () => this.open(""));
    this.input.addEventListener("input", () => this.open(this.input.value));
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => { this.close(); this.show(); });
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => { const item = event.target.closest("[data-value]"); if (item) this.choose(item); });
  }

  show() {
    const chosen = this.select.selectedOptions[0];
    this.input.value = chosen && chosen.value ? chosen.text.split(" · ").slice(0, 2).join(" · ") : "";
    this.input.title = this.input.value;
  }

  open(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [...this.select.options].filter((one) => one.value && words.every((word) => one.text.toLowerCase().includes(word)));
    this.list.replaceChildren(...found.slice(0, 200).map((one, n) => this.item(one, n)));
    if (!found.length) { const none = document.createElement("li"); none.className = "none"; none.setAttribute("role", "option"); none.setAttribute("aria-disabled", "true"); none.textContent = "No field fits"; this.list.append(none); }
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.mark(words.length ? [...this.list.children].findIndex((item) => item.dataset.value && item.getAttribute("aria-disabled") !== "true") : -1);
  }

  item(option, n) {
    const item = document.createElement("li");
    const [label, ...rest] = option.text.split(" · ");
    const more = document.createElement("small");
    item.id = `${this.list.id}-${n}`;
    item.dataset.value = option.value;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(option.selected));
    if (option.disabled) item.setAttribute("aria-disabled", "true");
    more.textContent = rest.join(" · ");
    item.append(label, more);
    return item;
  }

  mark(n) {
    const items = this.list.children;
    if (items[this.active]) items[this.active].classList.remove("active");
    this.active = n;
    if (!items[n]) { this.input.removeAttribute("aria-activedescendant"); return; }
    items[n].classList.add("active");
    items[n].scrollIntoView({ block: "nearest" });
    this.input.setAttribute("aria-activedescendant", items[n].id);
  }

  key(event) {
    const open = !this.list.hidden, last = this.list.children.length - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) { this.open(""); this.mark([...this.list.children].findIndex((item) => item.getAttribute("aria-selected") === "true")); return; }
      this.mark(event.key === "ArrowDown" ? Math.min(this.active + 1, last) : Math.max(this.active - 1, 0));
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      if (this.list.children[this.active]) this.choose(this.list.children[this.active]);
    } else if (event.key === "Escape" && open) {
      event.preventDefault();
      this.close();
      this.show();
    }
  }

  choose(item) {
    if (!item.dataset.value || item.getAttribute("aria-disabled") === "true") return;
    this.select.value = item.dataset.value;
    this.close();
    this.show();
    this.select.dispatchEvent(new Event("change", { bubbles: true }));
  }

  close() {
    this.list.hidden = true;
    this.mark(-1);
    this.input.setAttribute("aria-expanded", "false");
  }
}

// Choosing a filter's field shows that field's values: the form is checked by the server.
function submitOnChange(select) {
  select.addEventListener("change", () => {
    const button = select.form.querySelector(`button[name="do"][value="${select.dataset.submit}"]`);
    select.form.requestSubmit(button);
  });
}

// How many contacts pass the filters as they stand in the form now: counted step by step, the newest count wins.
const MOST_COUNTED = 25000;

class Count {
  constructor(box) {
    this.box = box;
    this.words = box.querySelector(".count-words");
    this.button = box.querySelector("button");
    this.form = box.closest("form");
    this.run = 0;
    const rows = this.form.querySelector(".filter-rows");
    let waiting;
    for (const kind of ["input", "change"]) rows.addEventListener(kind, (event) => {
      if (event.target.closest("select, .combo")) return; // another field reloads the page
      clearTimeout(waiting);
      waiting = setTimeout(() => this.begin(), 600);
    });
    this.button.addEventListener("click", (event) => { event.preventDefault(); if (this.rest) this.go(this.rest); else this.begin(); });
    this.begin();
  }

  // Screen readers hear the end of a count, not its steps.
  begin() { this.go({ cursor: "", looked_at: 0, passed: 0, total: null, passing: [], failing: [] }); }

  async go(sum) {
    const run = ++this.run, most = sum.looked_at + MOST_COUNTED;
    this.rest = null;
    this.box.setAttribute("aria-busy", "true");
    this.words.setAttribute("aria-live", "off");
    do {
      const given = new FormData(this.form);
      given.set("cursor", sum.cursor);
      let step;
      try {
        const answer = await fetch(this.box.dataset.count, { method: "POST", body: new URLSearchParams(given), redirect: "error" });
        step = await answer.json();
        if (!answer.ok) throw new Error(step.problem);
      } catch (error) {
        if (run === this.run) this.end(sum, error instanceof TypeError || error instanceof SyntaxError ? "The console does not answer just now." : error.message);
        return;
      }
      if (run !== this.run) return;
      if (!step.filters) { this.tell("Choose the values that a contact must have, to see how many pass.", sum); this.box.removeAttribute("aria-busy"); return; }
      sum = {
        cursor: step.cursor, looked_at: sum.looked_at + step.looked_at, passed: sum.passed + step.passed, total: step.total ?? sum.total,
        passing: [...sum.passing, ...step.passing].slice(0, 5), failing: [...sum.failing, ...step.failing].slice(0, 5),
      };
      if (sum.cursor) this.tell(`Counting … ${this.n(sum.passed)} of the first ${this.n(sum.looked_at)}${sum.total ? ` (of ${this.n(sum.total)})` : ""} pass.`, sum);
    } while (sum.cursor && sum.looked_at < most);
    this.end(sum, "");
  }

  end(sum, problem) {
    this.box.removeAttribute("aria-busy");
    this.words.setAttribute("aria-live", "polite");
    if (problem) this.tell(problem, sum);
    else if (!sum.cursor) this.tell(`${this.n(sum.passed)} of ${this.n(sum.looked_at)} pass.`, sum);
    else { this.rest = sum; this.tell(`${this.n(sum.passed)} of the first ${this.n(sum.looked_at)}${sum.total ? ` (of ${this.n(sum.total)})` : ""} pass.`, sum); }
    this.button.textContent = this.rest ? "Go on counting" : "Count again";
  }

  n(number) { return number.toLocaleString("en"); }

  tell(text, sum) {
    this.words.textContent = text;
    this.box.querySelectorAll(".count-examples").forEach((one) => one.remove());
    for (const [title, list] of [["Pass", sum.passing], ["Do not pass", sum.failing]]) {
      if (!list.length) continue;
      const line = document.createElement("p"), strong = document.createElement("strong");
      line.className = "small count-examples";
      strong.textContent = `${title}: `;
      line.append(strong, list.map((one) => (one.why ? `${one.name} (${one.why})` : one.name)).join("; "));
      this.button.before(line);
    }
  }
}

// HubSpot's sign-in in a window of its own. It tells us by BroadcastChannel; the server is asked as well, because
// HubSpot's own pages may cut the two windows apart.
function popUp(link) {
  const note = document.querySelector("[data-popup-note]");
  const wizard = document.querySelector("[data-wizard]");
  const say = (text, leads, href) => {
    if (!note) return;
    const words = document.createElement("p");
    words.textContent = text;
    if (leads) { const here = document.createElement("a"); here.href = href; here.textContent = leads; words.append(" ", here); }
    note.replaceChildren(words);
    note.hidden = false;
  };
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const since = Date.now() - 60000;
    const address = new URL(link.href);
    address.searchParams.set("popup", "yes"); // so that its last page may close it
    const opened = window.open(address, "crosswalk-connect", "popup,width=620,height=760");
    if (!opened) { say("Your browser blocked the window.", "Continue in this tab", link.href); return; }
    say("Waiting for HubSpot. Go on in the window that has opened.");
    let over = false;
    const channel = new BroadcastChannel("crosswalk-connect");
    const end = (status, message) => {
      if (over) return;
      over = true;
      channel.close();
      clearInterval(timer);
      if (status === "connected" && wizard) { sendConnected(wizard); return; }
      if (status === "connected") { say(message, "See the accounts", link.dataset.popup); return; }
      say(message || "The window was closed before HubSpot answered. Nothing was connected.");
    };
    channel.onmessage = (sent) => end(sent.data.status, sent.data.message);
    const started = Date.now();
    let closedFor = 0;
    const timer = setInterval(async () => {
      if (wizard) {
        try {
          const answer = await (await fetch(`${wizard.dataset.latest}&since=${Math.max(since, started - 2000)}`)).json();
          if (answer.status === "connected" || answer.status === "failed") { end(answer.status, answer.message); return; }
        } catch { /* asked again in a moment */ }
      }
      if (opened.closed && ++closedFor > 1) end("closed", "");
    }, 1500);
  });
}

// The wizard's form as it stands, so that nothing typed is lost; the new HubSpot account is in the draft already.
function sendConnected(form) {
  form.querySelectorAll('input[name="hubspot"]').forEach((one) => { one.checked = false; });
  const button = document.createElement("input");
  Object.assign(button, { type: "hidden", name: "do", value: "connected" });
  form.append(button);
  form.submit();
}

// The pop-up's last page.
function tellOpener(box) {
  const channel = new BroadcastChannel("crosswalk-connect");
  channel.postMessage({ status: box.dataset.connected, message: box.dataset.message, draft: box.dataset.draft });
  if ("close" in box.dataset) setTimeout(() => window.close(), box.dataset.connected === "connected" ? 400 : 2500);
}

// A label leads to a field's select; after enhancing, its input has that id, so links from the summary work.
document.querySelectorAll("select[data-submit]").forEach(submitOnChange);
document.querySelectorAll("select[data-search]").forEach((select) => new Combo(select));
document.querySelectorAll("[data-count]").forEach((box) => new Count(box));
document.querySelectorAll("[data-refresh]").forEach(keepLive);
document.querySelectorAll("[data-news]").forEach(announce);
document.querySelectorAll("[data-popup]").forEach(popUp);
document.querySelectorAll("[data-connected]").forEach(tellOpener);
const first = document.querySelector("[data-focus]");
if (first) first.focus();
const wanted = document.querySelector("[data-focus-on]");
if (wanted && !first) { const field = document.getElementById(wanted.dataset.focusOn); if (field) { field.focus(); field.scrollIntoView({ block: "center" }); } }
