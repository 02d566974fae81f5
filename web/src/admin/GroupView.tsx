import type { Group } from "../api/types";
import { m } from "../messages";
import { Facts } from "../pieces/Facts";
import { Panel } from "../pieces/Page";
import { rolesOf } from "./roles";

/** A group for those who may look only. */
export function GroupView({ group }: { group: Group }) {
  const words = m.admin.groups;
  return (
    <Panel title={group.title}>
      <Facts
        rows={[
          [words.roles, rolesOf(group)],
          [words.members, group.members.join(", ") || "–"],
        ]}
      />
    </Panel>
  );
}
