import { accountKey } from "../../protocol/eddsa.ts";
import { json, reply, sender } from "./call.ts";
import { SIGNATURE_COST, type Desk } from "./desk.ts";
import { notFound } from "./errors.ts";
import type { AddRoute } from "./route.ts";
import {
  AcknowledgementSchema,
  DepositRequestSchema,
  DepositSchema,
  ItemSchema,
  parse,
  type SubmitKind,
} from "./schema.ts";
import { ITEM_NAMES } from "../refusals.ts";
import type { ServedVenue } from "./views.ts";

/** What changes the venue. Items are signed, and need no session. */
export function addItemRoutes(
  route: AddRoute,
  { venue, desk, development }: { venue: ServedVenue; desk: Desk; development: boolean },
): void {
  const submission = (kind: SubmitKind, path: string) =>
    route(
      {
        method: "post",
        path,
        summary: `Sends ${ITEM_NAMES[kind]}`,
        access: "origin",
        body: ItemSchema,
        answer: { schema: AcknowledgementSchema },
        errors: [422, 503],
      },
      async (c, { json: item }) => {
        const { account, ...answer } = await desk.submit(kind, item, sender(c));
        c.set("account", account);
        return reply(c, JSON.stringify(answer));
      },
    );
  submission("order", "/v1/orders");
  submission("quotes", "/v1/quotes");
  submission("cancel", "/v1/cancels");
  submission("withdrawal", "/v1/withdrawals");

  route(
    {
      method: "post",
      path: "/v1/deposits",
      summary: "Credits play money: of a venue in development only",
      access: "origin",
      cost: SIGNATURE_COST,
      body: DepositRequestSchema,
      answer: { schema: DepositSchema },
      errors: [404, 422, 503],
    },
    async (c, { json: body }) => {
      if (!development) throw notFound("deposits of this venue are made on its chain");
      const { keyX, keyY, index, amount } = parse("deposit", DepositRequestSchema, body);
      const named = { x: BigInt(keyX), y: BigInt(keyY) };
      const key = accountKey(named);
      await venue.deposit([{ keyX: named.x, keyY: named.y, index, amount: BigInt(amount) }]);
      return json(c, { accounts: venue.indexesOf(key) });
    },
  );
}
