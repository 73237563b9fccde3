// Starts reveal.js on a deck. A phone has slides of its own shape, so that text stays readable there; held sideways, what
// does not fit is scrolled.
(() => {
  const LARGEST = 1.3, BESIDE = 1.1, SMALLEST = 0.6, OF_BOX = 0.4, STEP = 0.05;  // of the usual size of type

  const READABLE = 0.875;  // 14 of 16 pixels: the smallest size of type on a phone held sideways

  const upright = () => innerWidth < 700;
  const sideways = () => !upright() && innerHeight < 500;
  const shape = () => upright() ? {width: 390, height: Math.round(390 * innerHeight / innerWidth)}
    : sideways() ? {width: innerWidth, height: innerHeight} : {width: 1200, height: 675};

  function name() {
    document.documentElement.classList.toggle("phone", upright());
    document.documentElement.classList.toggle("sideways", sideways());
  }

  // The largest size at which `fits` holds.
  function size(element, largest, smallest, fits) {
    for (let now = largest; now > smallest - STEP / 2; now -= STEP) {
      element.style.setProperty("--size", now.toFixed(2));
      if (fits()) return;
    }
  }

  function fit() {
    const {height} = Reveal.getConfig();
    for (const slide of document.querySelectorAll(".slides section")) {
      const {display} = slide.style, {hidden} = slide;
      slide.hidden = false;
      slide.style.display = "flex";
      const picture = slide.querySelector("figure img");
      slide.classList.toggle("flat", Boolean(picture) && picture.naturalWidth > 1.75 * picture.naturalHeight);
      const parts = slide.querySelector(".parts");
      size(slide, picture ? BESIDE : LARGEST, sideways() ? READABLE : SMALLEST, () => {
        for (const box of slide.querySelectorAll(".shown > div"))
          size(box, 1, OF_BOX, () => box.scrollWidth <= box.clientWidth + 1);
        return slide.scrollHeight <= height + 1 && (!parts || parts.scrollHeight <= parts.clientHeight + 1);
      });
      slide.style.display = display;
      slide.hidden = hidden;
    }
  }

  function reshape() {
    const now = shape(), old = Reveal.getConfig();
    name();
    if (now.width !== old.width || now.height !== old.height) Reveal.configure(now);
    fit();
  }

  name();
  addEventListener("load", async () => {
    await document.fonts.ready;
    await Reveal.initialize({...shape(), display: "flex", margin: 0, minScale: 0.1, maxScale: 3, center: false,
      hash: true, transition: "none", slideNumber: "c/t", scrollActivationWidth: 0, controlsTutorial: false,
      viewDistance: 20, mobileViewDistance: 20});
    fit();
    addEventListener("resize", reshape);
    document.documentElement.dataset.ready = "yes";
  });
})();
