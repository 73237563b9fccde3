// The index holds Chinese words as jieba cut them; the search page would take a whole run of Chinese characters as
// one word. Here such a run is cut into the longest words that the index knows; characters of no word are left out.
(() => {
  const HAN = /[\u3400-\u9fff]/;

  function cut(run, known) {
    const words = [];
    for (let start = 0; start < run.length; ) {
      let end = Math.min(run.length, start + 8);
      while (end > start + 1 && !known(run.slice(start, end))) end--;
      if (end > start + 1) words.push(run.slice(start, end));
      start = end;
    }
    return words.length ? words : [run];
  }

  window.splitQuery = (query) => {
    const index = (typeof Search !== "undefined" && Search._index) || {};
    const has = (table, word) => table && Object.prototype.hasOwnProperty.call(table, word);
    const known = (word) => has(index.terms, word) || has(index.titleterms, word);
    return query
      .split(/[^\p{Letter}\p{Number}_\p{Emoji_Presentation}]+/gu)
      .flatMap((word) => word.split(/([\u3400-\u9fff]+)/))
      .filter((word) => word)
      .flatMap((word) => (HAN.test(word) ? cut(word, known) : [word]));
  };
})();
