import { gitPrograms } from '../../support/hostile/git-programs.ts';
import { meetEach } from '../../support/hostile/meet-each.ts';

meetEach(gitPrograms);
