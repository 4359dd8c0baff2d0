import { gitPrograms } from './git-programs.ts';
import { meetEach } from './meet-each.ts';

meetEach(gitPrograms);
