import { join } from 'node:path';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from '../json-file.ts';
import { sameName } from '../names.ts';
import { Serial } from '../serial.ts';

const teamRecord = z.object({
  id: z.number().int(),
  organization: z.string(),
  name: z.string(),
  slug: z.string(),
  createdAt: z.string(),
});

export type TeamRecord = z.infer<typeof teamRecord>;

/** GitHub's slugs: lower case, with a dash for each run of characters that are not letters or digits. */
const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_]+/gu, '-')
    .replace(/^-|-$/g, '');

/** The teams of all organizations, in one file of the data folder. */
export class TeamStore {
  readonly #path: string;
  readonly #writes = new Serial();
  readonly #teams: TeamRecord[];

  private constructor(path: string, teams: TeamRecord[]) {
    this.#path = path;
    this.#teams = teams;
  }

  static async open(dataFolder: string): Promise<TeamStore> {
    const path = join(dataFolder, 'teams.json');
    return new TeamStore(path, (await readJsonFile(path, z.array(teamRecord))) ?? []);
  }

  find(organization: string, slug: string): TeamRecord | undefined {
    return this.#teams.find((team) => sameName(team.organization, organization) && sameName(team.slug, slug));
  }

  /** Returns undefined if the name is taken. */
  async create(organization: string, name: string): Promise<TeamRecord | undefined> {
    const slug = slugOf(name);
    if (slug === '' || this.find(organization, slug)) return undefined;
    const id = 1 + Math.max(0, ...this.#teams.map((team) => team.id));
    const team = { id, organization, name, slug, createdAt: new Date().toISOString() };
    this.#teams.push(team);
    await this.#writes.run(() => writeJsonFile(this.#path, this.#teams));
    return team;
  }
}
