import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(__dirname, "..");
const programs = join(root, process.env.CARGO_TARGET_DIR ?? "target", "debug");

/** A port that nobody uses just now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** Waits until `url` answers 200; says the last words of the log when `process` ends first. */
async function untilReady(url: string, process: ChildProcess, log: string): Promise<void> {
  const end = Date.now() + 60_000;
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    if (process.exitCode !== null || process.signalCode !== null || Date.now() > end) {
      throw new Error(`${url} is not ready. ${log}:\n${readFileSync(log, "utf8").slice(-4000)}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** A time zone where it is between seven and eight in the morning just now: at whatever hour the tests run, their plant is an hour into a shift and far from a break. */
function morning(): string {
  const ahead = ((7 - new Date().getUTCHours() + 36) % 24) - 12;
  return ahead === 0 ? "Etc/GMT" : `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`;
}

/** Server, simulated plant and collector as a site runs them, with data of their own that goes away with them. */
export class Plant {
  readonly url: string;
  private readonly running = new Map<string, ChildProcess>();

  private constructor(
    readonly directory: string,
    private readonly port: number,
    private readonly machinesPort: number,
    private readonly ingestPort: number,
  ) {
    this.url = `http://localhost:${port}`;
  }

  /** Starts all of it. With `machines: false` only the server, as newly installed. `speed`: of the machines. */
  static async start({ machines = true, speed = 1 } = {}): Promise<Plant> {
    const directory = mkdtempSync(join(tmpdir(), "gemba-end2end-"));
    // The server's own Postgres may run as another user.
    chmodSync(directory, 0o755);
    const plant = new Plant(directory, await freePort(), await freePort(), await freePort());
    try {
      await plant.startServer();
      if (machines) await plant.startMachines(speed);
    } catch (error) {
      await plant.stop();
      throw error;
    }
    return plant;
  }

  /** The one-time password of the first administrator; undefined once it was changed. */
  initialPassword(): string | undefined {
    const file = join(this.directory, "data", "initial-admin-password");
    return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
  }

  async startServer(): Promise<void> {
    const server = this.spawn("server", "gemba", [
      "serve",
      "--data-directory",
      join(this.directory, "data"),
      "--http-listen",
      `127.0.0.1:${this.port}`,
      "--ingest-listen",
      `127.0.0.1:${this.ingestPort}`,
    ]);
    await untilReady(`http://127.0.0.1:${this.port}/readyz`, server, this.log("server"));
  }

  /** What a power cut does to it. */
  async killServer(): Promise<void> {
    await this.end("server", "SIGKILL");
  }

  /** The collector goes; machines and server stay. */
  async stopCollector(): Promise<void> {
    await this.end("collector", "SIGTERM");
  }

  private async startMachines(speed: number): Promise<void> {
    const zone = morning();
    const plantFile = join(this.directory, "plant.toml");
    const demo = readFileSync(join(root, "deploy/demo/plant.toml"), "utf8");
    writeFileSync(plantFile, demo.replace(/^(time_zone\s*=\s*)"[^"]*"/m, `$1"${zone}"`));
    await this.gemba("plant", "import", plantFile);
    const code = (await this.gemba("collector", "add", "demo")).trim();
    await promisify(execFile)(join(programs, "gemba-edge"), ["enrol", this.collectorSettings(), code]);
    const machines = this.spawn("machines", "gemba-sim", ["--listen", `127.0.0.1:${this.machinesPort}`, "--speed", `${speed}`, "--time-zone", zone]);
    await untilReady(`http://127.0.0.1:${this.machinesPort}/probe`, machines, this.log("machines"));
    this.startCollector();
  }

  startCollector(): void {
    this.spawn("collector", "gemba-edge", ["run", this.collectorSettings()]);
  }

  /** The demonstration's settings with the addresses of this plant. */
  private collectorSettings(): string {
    const settings = readFileSync(join(root, "deploy/demo/edge.toml"), "utf8")
      .replace(/^(\[server\][^[]*?^url\s*=\s*)"[^"]*"/m, `$1"https://127.0.0.1:${this.ingestPort}"`)
      .replace(/^(identity\s*=\s*)"[^"]*"/m, `$1"${join(this.directory, "identity")}"`)
      .replace(/^(directory\s*=\s*)"[^"]*"/m, `$1"${join(this.directory, "queue")}"`)
      .replace(/^(\[\[source\]\][^[]*?^url\s*=\s*)"[^"]*"/gm, `$1"http://127.0.0.1:${this.machinesPort}"`);
    const file = join(this.directory, "edge.toml");
    writeFileSync(file, settings);
    return file;
  }

  /** Runs a sub-command of `gemba` for this plant, and answers what it printed. */
  async gemba(...words: string[]): Promise<string> {
    const all = [...words, "--data-directory", join(this.directory, "data")];
    const { stdout } = await promisify(execFile)(join(programs, "gemba"), all, { cwd: root });
    return stdout;
  }

  async stop(): Promise<void> {
    for (const name of ["collector", "machines", "server"]) await this.end(name, "SIGTERM");
    rmSync(this.directory, { recursive: true, force: true });
  }

  private log(name: string): string {
    return join(this.directory, "log", `${name}.log`);
  }

  private spawn(name: string, program: string, words: string[]): ChildProcess {
    mkdirSync(join(this.directory, "log"), { recursive: true });
    const log = openSync(this.log(name), "a");
    // The kernel ends it when this process dies without a chance to.
    const child = spawn("setpriv", ["--pdeathsig", "TERM", "--", join(programs, program), ...words], {
      cwd: root,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.running.set(name, child);
    return child;
  }

  private async end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.running.get(name);
    this.running.delete(name);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await gone;
    clearTimeout(late);
  }
}
