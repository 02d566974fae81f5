import { IconKey } from "@tabler/icons-react";
import { useState } from "react";
import { api, over, unwrap } from "../api/client";
import { about } from "../api/live";
import { queries } from "../api/queries";
import type { Token } from "../api/types";
import { m } from "../messages";
import { text, yes } from "../model/address";
import { day } from "../model/time";
import { Empty } from "../pieces/Empty";
import { type Column, Listing, Under } from "../pieces/Listing";
import { Secret } from "../pieces/Secret";
import { useFilters } from "../pieces/useFilters";
import { useListing } from "../pieces/useListing";
import { When } from "../pieces/When";
import { Who } from "../pieces/Who";
import { SecretActs } from "./SecretActs";
import { StandingChip } from "./StandingChip";

interface Props {
  /** Only this person's; everybody's without it. */
  person?: string;
  none: string;
  noneWords: string;
}

const address = { as: text, ended: yes };

/** API tokens as a table; a renewed one shows its new secret above. */
export function TokenTable({ person, none, noneWords }: Props) {
  const filters = useFilters(address);
  const as = person ?? filters.read("as");
  const ended = filters.read("ended") ?? false;
  const [secret, setSecret] = useState<{ name: string; secret: string } | null>(null);
  const list = useListing<Token>({
    key: ["tokens", as ?? "", ended],
    read: (cursor, signal) =>
      unwrap(
        api.GET("/api/v1/tokens", {
          params: { query: { cursor, limit: 50, as, include: ended ? "ended" : undefined } },
          signal,
        }),
      ),
    meta: about("token"),
  });
  const words = m.secrets;
  async function rotate(token: Token, overlap_hours: number) {
    const fresh = await unwrap(
      api.POST("/api/v1/tokens/{id}/rotate", {
        params: { path: { id: token.id } },
        body: { overlap_hours },
      }),
    );
    setSecret({ name: fresh.name, secret: fresh.secret });
    await queries.invalidateQueries({ queryKey: ["tokens"] });
  }
  async function revoke(token: Token) {
    await unwrap(
      api.DELETE("/api/v1/tokens/{id}", {
        params: { path: { id: token.id }, header: over(token.revision) },
      }),
    );
    await queries.invalidateQueries({ queryKey: ["tokens"] });
  }
  const columns: Column<Token>[] = [
    {
      title: words.name,
      cell: (token) => (
        <>
          {token.name || token.prefix}
          <Under>
            {words.scopes[token.scope] ?? token.scope} · <code>{token.prefix}…</code>
          </Under>
        </>
      ),
    },
    ...(person ? [] : [{ title: words.as, cell: (token: Token) => <Who email={token.as} /> }]),
    {
      title: words.used,
      cell: (token) => (token.last_used ? <When at={token.last_used} /> : words.never),
    },
    {
      title: words.expires,
      cell: (token) => (token.expires_at ? day(new Date(token.expires_at)) : words.expiresNever),
    },
    { title: words.state, narrow: "bare", cell: (token) => <StandingChip of={token} /> },
    {
      title: words.acts,
      end: true,
      narrow: "bare",
      cell: (token) => (
        <SecretActs one={token} rotate={(hours) => rotate(token, hours)} revoke={() => revoke(token)} />
      ),
    },
  ];
  return (
    <>
      {secret && (
        <div style={{ padding: "0 20px 16px" }}>
          <Secret
            label={words.made(secret.name)}
            secret={secret.secret}
            words={words.madeWords}
            done={() => setSecret(null)}
          />
        </div>
      )}
      <Listing
        label={words.tokens.title}
        columns={columns}
        list={list}
        rowKey={(token) => token.id}
        filtered={!person && Boolean(as)}
        clear={filters.clear}
        nothing={<Empty tall icon={<IconKey />} title={none} words={noneWords} />}
      />
    </>
  );
}
