// Threads, forked processes and a cluster, each with work of its own; the sums must be those of the arguments.
const { Worker, isMainThread, workerData, parentPort } = require("worker_threads");
const { fork, execFile } = require("child_process");
const cluster = require("cluster");
const crypto = require("crypto");
const zlib = require("zlib");

const sum = (list) => list.reduce((a, b) => a + b, 0);
const numbers = (count) => Array.from({ length: count }, (_, i) => i + 1);

if (!isMainThread) {
  parentPort.postMessage(workerData * 2);
} else if (cluster.isWorker) {
  process.send(Number(process.env.NUMBER) * 3, () => process.exit(0));
} else if (process.argv[2] === "child") {
  process.on("message", (n) => process.send(n * 5, () => process.exit(0)));
} else {
  const thread = (n) =>
    new Promise((good, bad) => new Worker(__filename, { workerData: n }).on("message", good).on("error", bad));
  const child = (n) =>
    new Promise((good) => {
      const started = fork(__filename, ["child"]);
      started.on("message", good);
      started.send(n);
    });
  const member = (n) => new Promise((good) => cluster.fork({ NUMBER: n }).on("message", good));
  const command = (n) => new Promise((good, bad) => execFile("echo", [n], (e, out) => (e ? bad(e) : good(Number(out)))));
  const pooled = (n) =>
    new Promise((good, bad) =>
      crypto.pbkdf2("secret", `salt ${n}`, 2000, 32, "sha256", (e, key) => (e ? bad(e) : good(key.length)))
    );
  const packed = (n) =>
    new Promise((good, bad) => {
      const data = Buffer.alloc(100000, `${n}`);
      zlib.gzip(data, (e, out) => (e ? bad(e) : good(zlib.gunzipSync(out).equals(data) ? n : 0)));
    });
  (async () => {
    for (let round = 0; round < 3; round++) {
      console.log("threads", sum(await Promise.all(numbers(8).map(thread))));
      console.log("children", sum(await Promise.all(numbers(3).map(child))));
      console.log("cluster", sum(await Promise.all(numbers(3).map(member))));
      console.log("commands", sum(await Promise.all(numbers(10).map(command))));
      console.log("pool", sum(await Promise.all(numbers(40).map(pooled))));
      console.log("packed", sum(await Promise.all(numbers(40).map(packed))));
    }
  })();
}
