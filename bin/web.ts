/** `npm run build:web`: builds the page, and fails if its first load is too large. */
import { buildPage } from './build-page.ts';

const kib = await buildPage();
console.log(`web/dist: the first load of the page has ${kib.toFixed(1)} KiB compressed.`);
