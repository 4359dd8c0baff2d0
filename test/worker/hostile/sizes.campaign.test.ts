import { meetEach } from '../../support/hostile/meet-each.ts';
import { sizes } from '../../support/hostile/sizes.ts';

meetEach(sizes({ files: 100_000, printedMiB: 1024 }), 900_000);
