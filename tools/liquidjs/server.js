// The peer of BenchmarkRenderEndpoint: liquidjs behind Node's http, with escaped output and parsed templates kept.
const http = require("node:http");
const { Liquid } = require("liquidjs");

const engine = new Liquid({ outputEscape: "escape" });
const parsed = new Map();

function template(source) {
  if (!parsed.has(source)) parsed.set(source, engine.parse(source));
  return parsed.get(source);
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", async () => {
    try {
      const { parts, data } = JSON.parse(Buffer.concat(chunks));
      const out = {};
      for (const [name, source] of Object.entries(parts)) out[name] = await engine.render(template(source), data);
      response.setHeader("Content-Type", "application/json");
      response.end(JSON.stringify({ parts: out }));
    } catch (error) {
      response.statusCode = 422;
      response.end(String(error));
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
