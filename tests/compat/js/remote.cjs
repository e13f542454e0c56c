// The npm client of ActivityWatch on a line: calls what each line of JSON names, and prints a line for it, in the order
// of the lines. Calls do not wait for one another, as in a browser.
//
// {"method": "heartbeat", "arguments": [...]} becomes {"returned": ...} or {"raised": ..., "status": ...}.
// {"$date": "..."} among the arguments becomes a Date; a response of axios in place of a body is told as {"$response": ...}.

"use strict";

const readline = require("node:readline");
const { AWClient } = require("aw-client");

const [name, port] = process.argv.slice(2);
const client = new AWClient(name, { testing: true, baseURL: `http://127.0.0.1:${port}` });

async function call({ method, arguments: given }) {
  try {
    return { returned: describe(await client[method](...given)) };
  } catch (error) {
    return { raised: error.name, status: error.response ? error.response.status : null };
  }
}

function describe(value) {
  const isResponse = value && value.config && value.headers;
  return isResponse ? { $response: { status: value.status, data: value.data } } : value;
}

function revive(_, value) {
  return value && value.$date ? new Date(value.$date) : value;
}

console.info = console.error; // standard output is for answers

let printed = Promise.resolve();
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const answer = call(JSON.parse(line, revive));
  printed = printed.then(async () => console.log(JSON.stringify(await answer)));
});
