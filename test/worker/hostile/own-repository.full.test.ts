import { meetEach } from './meet-each.ts';
import { ownRepository } from './own-repository.ts';

meetEach(ownRepository);
