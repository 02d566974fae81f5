import { IconKey } from "@tabler/icons-react";
import { api, over, unwrap } from "../api/client";
import { about } from "../api/live";
import { queries } from "../api/queries";
import type { SDKKey } from "../api/types";
import { m } from "../messages";
import { text, yes } from "../model/address";
import { standardLimits } from "../model/secrets";
import { number } from "../model/text";
import { day } from "../model/time";
import { Empty } from "../pieces/Empty";
import { type Column, Listing, Under } from "../pieces/Listing";
import { useFilters } from "../pieces/useFilters";
import { useListing } from "../pieces/useListing";
import { When } from "../pieces/When";
import { KeyLimits } from "./KeyLimits";
import { SecretActs } from "./SecretActs";
import { StandingChip } from "./StandingChip";

interface Props {
  /** Is told the secret of a renewed key. */
  fresh: (key: SDKKey & { secret: string }) => void;
  /** Only the keys of this app. */
  of?: string;
}

const address = { app: text, ended: yes };

/** SDK keys as a table. */
export function KeyTable({ fresh, of }: Props) {
  const filters = useFilters(address);
  const app = of ?? filters.read("app");
  const ended = filters.read("ended") ?? false;
  const words = m.secrets;
  const list = useListing<SDKKey>({
    key: ["sdk-keys", app ?? "", ended],
    read: (cursor, signal) =>
      unwrap(
        api.GET("/api/v1/sdk-keys", {
          params: { query: { cursor, limit: 50, app, include: ended ? "ended" : undefined } },
          signal,
        }),
      ),
    meta: about("sdk_key"),
  });
  async function rotate(key: SDKKey, overlap_hours: number) {
    const next = await unwrap(
      api.POST("/api/v1/sdk-keys/{id}/rotate", { params: { path: { id: key.id } }, body: { overlap_hours } }),
    );
    fresh(next);
    await queries.invalidateQueries({ queryKey: ["sdk-keys"] });
  }
  async function revoke(key: SDKKey) {
    await unwrap(
      api.DELETE("/api/v1/sdk-keys/{id}", {
        params: { path: { id: key.id }, header: over(key.revision) },
      }),
    );
    await queries.invalidateQueries({ queryKey: ["sdk-keys"] });
  }
  const columns: Column<SDKKey>[] = [
    {
      title: words.name,
      cell: (key) => (
        <>
          {key.name || key.prefix}
          <Under>
            {key.client_side ? words.keys.client : words.keys.server} · <code>{key.prefix}…</code>
          </Under>
          {key.origins.length > 0 && <Under>{key.origins.join(", ")}</Under>}
          <Under>{limits(key)}</Under>
        </>
      ),
    },
    { title: words.keys.environment, cell: (key) => key.environment },
    ...(of ? [] : [{ title: words.keys.app, cell: (key: SDKKey) => key.app || words.keys.allApps }]),
    { title: words.used, cell: (key) => (key.last_used ? <When at={key.last_used} /> : words.never) },
    {
      title: words.expires,
      cell: (key) => (key.expires_at ? day(new Date(key.expires_at)) : words.expiresNever),
    },
    { title: words.state, narrow: "bare", cell: (key) => <StandingChip of={key} /> },
    {
      title: words.acts,
      end: true,
      narrow: "bare",
      cell: (key) => (
        <SecretActs one={key} rotate={(hours) => rotate(key, hours)} revoke={() => revoke(key)}>
          <KeyLimits of={key} />
        </SecretActs>
      ),
    },
  ];
  return (
    <Listing
      label={words.keys.title}
      columns={columns}
      list={list}
      rowKey={(key) => key.id}
      filtered={Boolean(app) && !of}
      clear={filters.clear}
      nothing={
        <Empty
          tall={!of}
          icon={<IconKey />}
          title={of ? words.keys.noneOfApp : words.keys.none}
          words={words.keys.noneWords}
        />
      }
    />
  );
}

function limits(key: SDKKey) {
  const { requests_per_second, max_streams } = { ...standardLimits, ...key };
  return m.secrets.keys.limitsOf(number(requests_per_second), number(max_streams));
}
