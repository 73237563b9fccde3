// Pictures to touch: relex/book/touch writes all that a figure can show; this sets its values and shows what they ask for.
document.addEventListener("DOMContentLoaded", () => {
  for (const figure of document.querySelectorAll("figure.touch")) touch(figure);

  function touch(figure) {
    const all = (selector) => [...figure.querySelectorAll(selector)], values = {};
    const part = (said) => {
      const [name, value] = said.replace("!", "").split("=");
      const is = value === undefined ? name in values : values[name] === value;
      return said.startsWith("!") ? !is : is;
    };
    const holds = (condition) => condition.split("|").some((one) => one.split(" ").every(part));

    function show() {
      for (const one of all("[data-when]")) one.toggleAttribute("hidden", !holds(one.dataset.when)); // of SVG too
      for (const one of all("[data-mark]")) one.classList.toggle("marked", holds(one.dataset.mark));
      for (const one of all("[data-from]")) {
        const [name, least] = one.dataset.from.split("=");
        one.classList.toggle("off", Number(values[name]) < Number(least));
      }
      for (const one of all("button[data-set]")) {
        const own = values[one.dataset.set];
        one.setAttribute("aria-pressed", String(own === one.value));
        if ("once" in one.dataset && own !== undefined) one.setAttribute("aria-disabled", "true");
      }
      for (const one of all("details[data-open]")) {
        one.hidden = !(one.dataset.open in values);
        if (!one.hidden && !one.dataset.seen) one.open = Boolean((one.dataset.seen = "yes"));
      }
      count();
    }

    function count() {
      const asked = all("details[data-open]").filter((one) => one.dataset.open in values);
      const right = (one) => figure.querySelector(`[data-set="${one.dataset.open}"][data-right]`).value === values[one.dataset.open];
      const counts = { asked, you: asked.filter(right), counter: asked.filter((one) => one.dataset.counter === "1") };
      for (const one of all("[data-tally]")) one.textContent = counts[one.dataset.tally].length;
      for (const one of all(".touch-tally")) one.hidden = !asked.length;
    }

    function set(name, value) {
      values[name] = value;
      show();
    }

    for (const one of all("input[type=range]")) {
      values[one.dataset.set] = one.value;
      one.addEventListener("input", () => {
        one.parentElement.querySelector("output").textContent = one.value;
        set(one.dataset.set, one.value);
      });
    }
    for (const one of all("input[type=radio]")) {
      if (one.checked) values[one.dataset.set] = one.value;
      one.addEventListener("change", () => set(one.dataset.set, one.value));
    }
    for (const one of all("button[data-set]"))
      one.addEventListener("click", () => "once" in one.dataset && one.dataset.set in values || set(one.dataset.set, one.value));
    for (const one of all("button[data-step]")) {
      const name = one.dataset.step;
      values[name] = "0";
      one.addEventListener("click", () => set(name, String((Number(values[name]) + 1) % Number(one.dataset.of))));
    }
    figure.classList.add("on");
    show();
  }
});
