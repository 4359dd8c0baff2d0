import { meetEach } from '../../support/hostile/meet-each.ts';
import { sizes } from '../../support/hostile/sizes.ts';

meetEach(sizes({ files: 10_000, printedMiB: 640 }), 900_000);
