/** `npm run sbom [-- FOLDER]`: what the package, the worker and the functions are made of, as CycloneDX. */
import { writeSboms } from '../lib/sbom.ts';

const folder = process.argv[2] ?? 'dist/sbom';
for (const file of await writeSboms(folder)) console.log(file);
