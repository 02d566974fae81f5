import { Button } from "@mantine/core";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import type { Flag } from "../api/types";
import { useRequestForm } from "../form/useRequestForm";
import { m } from "../messages";
import { LifeForm, type LifeKind, lifeContent } from "./LifeForm";

const kinds: LifeKind[] = ["extend_ttl", "deprecate", "remove"];

/** What is asked for in the address of a flag's screen, if anything. */
export function useAsked(): LifeKind | undefined {
  const [params] = useSearchParams();
  return kinds.find((one) => one === params.get("ask"));
}

/** The form that asks to extend, retire or remove a switch, and the way back. */
export function Ask({ kind, flag }: { kind: LifeKind; flag: Flag }) {
  const navigate = useNavigate();
  const address = `/flags/${encodeURIComponent(flag.key)}`;
  const [fresh] = useState(() => lifeContent(kind, flag, new Date()));
  const form = useRequestForm({
    about: `${kind} ${flag.key}`,
    fresh,
    keep: false,
    done: (request) => navigate(`/requests/${request.id}`),
  });
  return (
    <LifeForm
      {...form}
      submitLabel={m.life.submit}
      after={
        <div>
          <Button
            variant="subtle"
            size="compact-sm"
            onClick={() => form.discard().then(() => navigate(address))}
          >
            {m.life.back}
          </Button>
        </div>
      }
    />
  );
}
