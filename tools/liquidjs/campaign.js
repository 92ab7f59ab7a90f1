// A peer of BenchmarkPeers: reads {template, people, seconds} from stdin, renders the people in turn for that long with the template parsed once
// and output escaped, and prints the processor time of a render in microseconds and the first result.
const { Liquid } = require("liquidjs");

const { template, people, seconds } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
const engine = new Liquid({ outputEscape: "escape" });
const parsed = engine.parse(template);
const first = engine.renderSync(parsed, people[0]);
for (const person of people) engine.renderSync(parsed, person);
const begun = process.cpuUsage();
const end = Date.now() + seconds * 1000;
let renders = 0;
while (Date.now() < end) {
  for (const person of people) engine.renderSync(parsed, person);
  renders += people.length;
}
const { user, system } = process.cpuUsage(begun);
console.log(JSON.stringify({ micros: (user + system) / renders, first }));
