// The landing page's model: 7 MB that are loaded when a reader asks for them, in a frame in the place of the link.
document.addEventListener("DOMContentLoaded", () => {
  for (const link of document.querySelectorAll("a.reader-open")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab or window of its own
      event.preventDefault();
      const frame = document.createElement("iframe");
      frame.src = link.href;
      frame.title = "A model that reads the sentence you type";
      frame.className = "reader-frame";
      window.addEventListener("message", ({ source, data }) => {
        if (source === frame.contentWindow && Number.isFinite(data?.relexHeight)) frame.style.height = `${Math.ceil(data.relexHeight) + 4}px`;
      });
      frame.addEventListener("load", () => frame.focus());
      link.replaceWith(frame);
    });
  }
});
