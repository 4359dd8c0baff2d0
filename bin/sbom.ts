/** `npm run sbom [-- FOLDER]`: writes bills of materials of the package, the worker and the functions as CycloneDX. */
import { writeSboms } from '../lib/sbom.ts';

const folder = process.argv[2] ?? 'dist/sbom';
for (const file of await writeSboms(folder)) console.log(file);
