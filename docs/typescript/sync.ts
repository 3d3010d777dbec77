// A copy of a practice's openings in a file, told of changes by webhooks, and proved: sync.py in TypeScript.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import createClient from "openapi-fetch";
import { Webhook } from "standardwebhooks";
import type { components, paths } from "./api.js";

const { API = "", KEY = "", PRACTICE = "", SECRET, PORT, ONCE } = process.env;
const FILE = "sync.json", MINUTE = 60_000;
type Booking = components["schemas"]["Booking"];
/** The bookings and the feed's cursor, always kept together: a restart goes on from there. */
interface Copy {
  cursor: string;
  bookings: Record<string, Booking>;
}

const api = createClient<paths>({ baseUrl: API, headers: { Authorization: KEY } });
const practice = { practice_id: PRACTICE };
let copy: Copy = { cursor: "", bookings: {} };
if (existsSync(FILE)) copy = JSON.parse(readFileSync(FILE, "utf8")) as Copy;

function keep(cursor: string, known: Record<string, Booking>, rows: Booking[]): void {
  const bookings = { ...known };
  for (const row of rows) {
    if (row.status === "closed") delete bookings[row.id];
    else bookings[row.id] = row;
  }
  writeFileSync(`${FILE}.new`, JSON.stringify({ cursor, bookings }));
  renameSync(`${FILE}.new`, FILE);
  copy = { cursor, bookings };
}

/** Return what was answered, or throw the problem's sentence. */
function told<T>(answer: { data?: T; error?: { detail: string } }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail ?? "no answer");
  return answer.data;
}

/** Take the cursor first: what changes while the list is read comes again in the feed. */
async function readAnew(): Promise<void> {
  const latest = { params: { path: practice, query: { after: "latest" } } };
  const { cursor } = told(await api.GET("/onlinescheduling/practice/{practice_id}/changes", latest));
  const all = { params: { path: practice } };
  keep(cursor, {}, told(await api.GET("/onlinescheduling/practice/{practice_id}/bookings", all)));
}

/** Apply all that has changed since the cursor. */
async function follow(): Promise<void> {
  for (let more = true; more; ) {
    const since = { params: { path: practice, query: { after: copy.cursor, limit: 1000 } } };
    const answer = await api.GET("/onlinescheduling/practice/{practice_id}/changes", since);
    if (answer.response.status === 400) return readAnew(); // no cursor yet, or the server was set back before it
    const page = told(answer);
    keep(page.cursor, copy.bookings, page.bookings);
    more = page.has_more;
  }
}

/** Say whether the copy of a location is right; undefined if too much changes now. */
async function isRight(location: string): Promise<boolean | undefined> {
  for (let attempt = 0; attempt < 5; attempt++) {
    await follow();
    const at = { params: { path: { location_id: location } } };
    const server = told(await api.GET("/onlinescheduling/location/{location_id}/digest", at));
    if (server.cursor !== copy.cursor) continue; // something has changed in between
    const hash = createHash("sha256");
    for (const id of Object.keys(copy.bookings).sort()) {
      const row = copy.bookings[id];
      if (row?.location_id !== location) continue;
      hash.update(`${row.id},${row.updated_at},${row.status},${row.available_appointments}\n`);
    }
    return hash.digest("hex") === server.sha256;
  }
  return undefined;
}

let wake = (): void => {};
/** Take webhooks, which say that something is new; what it is, the feed says. */
function listen(secret: string, port: number): void {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    let body = Buffer.alloc(0);
    request.on("data", (part: Buffer) => {
      body = Buffer.concat([body, part]);
      if (body.length > 65536) request.destroy();
    });
    request.on("end", () => {
      try {
        new Webhook(secret).verify(body, request.headers as Record<string, string>);
        wake();
        response.writeHead(204).end();
      } catch {
        response.writeHead(400).end();
      }
    });
  });
  server.listen(port, "127.0.0.1"); // behind a proxy that speaks TLS
}

if (SECRET !== undefined) listen(SECRET, Number(PORT));
for (let due = 0; ; ) {
  const woken = new Promise<void>((resolve) => setTimeout((wake = resolve), MINUTE));
  try {
    await follow();
    if (Date.now() >= due) {
      due = Date.now() + MINUTE;
      const places = told(await api.GET("/scheduling/practice/{practice_id}/locations", { params: { path: practice } }));
      const right: Record<string, boolean | undefined> = {};
      for (const { id } of places) right[id] = await isRight(id);
      console.log("right:", right);
      if (Object.values(right).includes(false)) await readAnew();
    }
  } catch (error) {
    console.log("not now:", error);
    await new Promise((resolve) => setTimeout(resolve, 5000));
  }
  if (ONCE !== undefined) process.exit();
  await woken;
}
