import { IconBan, IconCheck, IconClock, IconClockOff } from "@tabler/icons-react";
import { m } from "../messages";
import { type Standing, standing } from "../model/secrets";
import { Chip, type Tone } from "../pieces/Chip";
import { useNow } from "../pieces/When";

const looks: Record<Standing, [Tone, typeof IconCheck]> = {
  good: ["on", IconCheck],
  ending: ["warn", IconClock],
  ended: ["off", IconClockOff],
  revoked: ["off", IconBan],
};

/** How a token or key stands now. */
export function StandingChip({ of }: { of: Parameters<typeof standing>[0] }) {
  const state = standing(of, useNow(60_000));
  const [tone, Icon] = looks[state];
  return (
    <Chip tone={tone} icon={<Icon />}>
      {m.secrets.standing[state]}
    </Chip>
  );
}
