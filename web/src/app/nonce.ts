import { setNonce } from "get-nonce";

/** Nonce of this page's Content-Security-Policy; whatever makes a style element at run time carries it. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";

setNonce(nonce);
