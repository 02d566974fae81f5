import { IconBan, IconCheck, IconKeyOff, IconMail, IconPlayerPause, IconRobot } from "@tabler/icons-react";
import { m } from "../messages";
import { Chip } from "../pieces/Chip";
import type { Somebody } from "./types";

/** How somebody stands: in, invited, or out. */
export function PersonChip({ person }: { person: Somebody }) {
  const words = m.admin.people.states;
  if (!person.active) {
    return (
      <Chip tone="off" icon={<IconBan />}>
        {words.off}
      </Chip>
    );
  }
  if (person.suspended) {
    return (
      <Chip tone="warn" icon={<IconPlayerPause />}>
        {words.suspended}
      </Chip>
    );
  }
  if (person.agent) {
    return (
      <Chip tone="info" icon={<IconRobot />}>
        {words.agent}
      </Chip>
    );
  }
  if (person.invited && !person.has_password) {
    return (
      <Chip tone="info" icon={<IconMail />}>
        {words.invited}
      </Chip>
    );
  }
  return person.has_password ? (
    <Chip tone="on" icon={<IconCheck />}>
      {words.active}
    </Chip>
  ) : (
    <Chip tone="off" icon={<IconKeyOff />}>
      {words.noPassword}
    </Chip>
  );
}
