import { meetEach } from '../../support/hostile/meet-each.ts';
import { ownRepository } from '../../support/hostile/own-repository.ts';

meetEach(ownRepository);
