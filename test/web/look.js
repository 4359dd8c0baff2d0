/** What is wrong with the page on screen, for `page.evaluate`: the types of this project are not a browser's. */
(hidden) => {
  const found = [];
  const isHidden = new RegExp(hidden, 'u');
  if ('ran' in globalThis) found.push('a script ran');
  const titles = [...document.querySelectorAll('[title],[aria-label]')].map(
    (element) => `${element.getAttribute('title')} ${element.getAttribute('aria-label')}`,
  );
  for (const text of [document.title, document.body.innerText, ...titles]) {
    const match = isHidden.exec(text);
    if (match)
      found.push(
        `U+${match[0].codePointAt(0).toString(16)} hides in ${JSON.stringify(text.slice(Math.max(0, match.index - 40), match.index + 40))}`,
      );
  }
  for (const link of document.querySelectorAll('a')) {
    if (link.href && !/^https?:\/\/127\.0\.0\.1:/.test(link.href)) found.push(`a link to ${link.href}`);
  }
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width)
    found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const scrolls = (element) =>
    element !== null &&
    element !== document.body &&
    (getComputedStyle(element).overflowX !== 'visible' || scrolls(element.parentElement));
  for (const element of document.body.querySelectorAll('*')) {
    const { left, right } = element.getBoundingClientRect();
    if (right > width + 1 && !scrolls(element.parentElement))
      found.push(`${element.tagName} ${element.className} reaches from ${left} to ${right}`);
  }
  return found.slice(0, 5);
};
