// Goal: of several addresses of a venue the one that leads is found, and what may have been taken by one is sent to no other.
// Method: services made up here.
import assert from "node:assert/strict";
import { Api } from "../../src/client/api.ts";
import { TacitError } from "../../src/protocol/errors.ts";

const [A, B] = ["http://a.example", "http://b.example"];
type Service = (path: string, init: RequestInit) => { status: number; json: unknown };

function asked(services: Record<string, Service | null>) {
  const seen: { at: string; method: string; token: string | null }[] = [];
  const fetch = async (input: string, init: RequestInit = {}) => {
    const { origin, pathname } = new URL(input);
    const token = new Headers(init.headers).get("authorization");
    seen.push({ at: origin, method: init.method ?? "GET", token });
    const service = services[origin];
    if (!service) throw new TypeError("fetch failed");
    const { status, json } = service(pathname, init);
    return new Response(JSON.stringify(json), { status });
  };
  return { api: new Api(`${A},${B}/`, { fetch }), seen, services };
}
const good: Service = () => ({ status: 200, json: { good: true } });
const standby: Service = () => ({ status: 503, json: { error: { code: "STANDBY", message: "it stands by" } } });

describe("client: several addresses", () => {
  it("are addresses, all of them", () => {
    for (const url of ["", A + ",", `${A},b.example`, `ftp://a.example,${B}`])
      assert.throws(() => new Api(url), { code: "BAD_URL" });
  });

  it("asks the next one where one does not answer, and stays there", async () => {
    const { api, seen } = asked({ [A]: null, [B]: good });
    assert.deepEqual(await api.get("/rules"), { good: true });
    assert.deepEqual(await api.get("/rules"), { good: true });
    assert.deepEqual(seen.map(({ at }) => at), [A, B, B]); // prettier-ignore
    assert.equal(api.url, B);
  });

  it("sends what a venue that stands by has not taken to the other, with a session of its own", async () => {
    const { api, seen } = asked({ [A]: standby, [B]: good });
    api.token = "of a";
    api.renew = async () => {
      api.token = "of b";
    };
    assert.deepEqual(await api.post("/orders", {}), { good: true });
    assert.deepEqual(seen, [
      { at: A, method: "POST", token: "Bearer of a" },
      { at: B, method: "POST", token: "Bearer of b" },
    ]);
  });

  it("sends to no other what one may have taken, and asks the other next", async () => {
    const { api, seen } = asked({ [A]: null, [B]: good });
    await assert.rejects(api.post("/orders", {}), { code: "UNREACHABLE" });
    assert.deepEqual(seen.length, 1);
    await api.get("/rules");
    assert.equal(seen[1].at, B);
  });

  it("tells at once what any of them refuses", async () => {
    const busy: Service = () => ({
      status: 503,
      json: { error: { code: "BUSY", message: "too much", retryAfter: 3 } },
    });
    const { api, seen } = asked({ [A]: busy, [B]: good });
    await assert.rejects(api.post("/orders", {}), (error: TacitError) => error.code === "BUSY");
    assert.equal(seen.length, 1);
  });

  it("asks again while none of them leads, until one does", async () => {
    const { api, seen, services } = asked({ [A]: standby, [B]: standby });
    const answer = api.post("/orders", {});
    while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve));
    services[B] = good;
    assert.deepEqual(await answer, { good: true });
  });

  it("waits until a venue that stands by has read what was told of its log, and accuses only one that leads", async () => {
    let entries = 0;
    const health =
      (status: string): Service =>
      () => ({ status: 503, json: { status, logCount: entries++, proved: 0 } });
    const behind = asked({ [A]: health("standby") });
    assert.deepEqual(await behind.api.progress(2), { logCount: 2, proved: 0 });
    const short = asked({ [A]: () => ({ status: 200, json: { status: "open", logCount: 1, proved: 0 } }) });
    assert.deepEqual(await short.api.progress(2), { logCount: 1, proved: 0 });
    const never = asked({ [A]: () => ({ status: 503, json: { status: "standby", logCount: 1, proved: 0 } }) });
    await assert.rejects(never.api.progress(2), (error: TacitError) => error.code === "STANDBY");
  });
});
