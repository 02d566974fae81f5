import { Button } from "@mantine/core";
import type { Decision, Request } from "../api/types";
import { m } from "../messages";
import { Notice } from "../pieces/Notice";
import classes from "./Decide.module.css";
import { useDecision } from "./useRequest";

/** What the person decided on a request, and the way to take it back while nothing is carried out. */
export function TakeBack({ request, decision }: { request: Request; decision: Decision }) {
  const taking = useDecision(request.id);
  const words = m.request.you;
  return (
    <div className={classes.mine}>
      <p>{decision.verdict === "asked" ? words.youAsked : words.decided}</p>
      {request.can.includes("take_back") && (
        <Button
          variant="default"
          loading={taking.isPending}
          onClick={() => taking.mutate({ verdict: "take-back", digest: request.digest })}
        >
          {decision.verdict === "asked" ? words.takeQuestionBack : words.takeBack}
        </Button>
      )}
      {taking.error && <Notice problem={taking.error} />}
    </div>
  );
}
