import { Argument, Command } from 'commander';
import { claims } from '../audit/catalogue.ts';
import { findScenario, findService, scenarioNames, serviceNames } from './catalogue.ts';

const LISTS = {
  async services() {
    return entries(serviceNames(), async (name) => (await findService({ service: name, claims: [] })).title);
  },
  async scenarios() {
    return entries(scenarioNames(), async (name) => (await findScenario(name)).title);
  },
  async claims() {
    return [...(await claims()).values()].map(({ id, says }) => ({ name: id, title: says }));
  },
  async vendors() {
    return entries(serviceNames(), async (name) => {
      const { vendor } = await findService({ service: name, claims: [] });
      return `${vendor.vendor}: ${vendor.statements.map(({ quote }) => `“${quote}”`).join(' ')}`;
    });
  },
};

export function list(): Command {
  return new Command('list')
    .description('list what there is')
    .addArgument(new Argument('<what>', 'what to list').choices(Object.keys(LISTS)))
    .option('--json', 'print as JSON')
    .action(async (what: keyof typeof LISTS, options: { json?: boolean }) => {
      const found = await LISTS[what]();
      if (options.json) console.log(JSON.stringify(found, null, 2));
      else {
        const width = Math.max(...found.map(({ name }) => name.length)) + 2;
        for (const { name, title } of found) console.log(`${name.padEnd(width)}${title}`);
      }
    });
}

function entries(names: string[], title: (name: string) => Promise<string>) {
  return Promise.all(names.map(async (name) => ({ name, title: await title(name) })));
}
