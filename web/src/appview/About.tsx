import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { groupsQuery } from "../api/calls";
import { isAddress } from "../market/AppCard";
import { categoryOf } from "../market/category";
import type { AppDetail } from "../market/types";
import { m } from "../messages";
import { list, shortName } from "../model/text";
import { Facts } from "../pieces/Facts";
import { Panel } from "../pieces/Page";
import { When } from "../pieces/When";

const few = 6;

/** What an app is, whose it is, and whom to ask. */
export function About({ app }: { app: AppDetail }) {
  const team = useQuery(groupsQuery).data?.items.find((group) => group.name === app.owner);
  const members = (team?.members ?? []).map(shortName);
  const names = members.length > few ? [...members.slice(0, few), m.app.more(members.length - few)] : members;
  return (
    <Panel title={m.app.about}>
      <Facts
        rows={[
          [
            m.app.owner,
            <Link key="owner" to={`/apps?owner=${encodeURIComponent(app.owner)}`}>
              {team?.title || app.owner}
            </Link>,
          ],
          ...(names.length > 0
            ? [[m.app.people, members.length > few ? names.join(", ") : list(names)] as [string, string]]
            : []),
          [
            m.app.contact,
            <a key="contact" href={`mailto:${app.contact}`}>
              {app.contact}
            </a>,
          ],
          [
            m.app.category,
            <Link key="category" to={`/apps?category=${encodeURIComponent(app.category)}`}>
              {categoryOf(app.category)}
            </Link>,
          ],
          [
            m.app.address,
            isAddress(app.url) ? (
              <a key="url" href={app.url} target="_blank" rel="noreferrer">
                {app.url}
              </a>
            ) : (
              app.url
            ),
          ],
          [m.app.slug, <code key="slug">{app.slug}</code>],
          [m.app.since, <When key="since" at={app.created_at} />],
          [m.app.changed, <When key="changed" at={app.updated_at} />],
        ]}
      />
    </Panel>
  );
}
