import type { Plugin } from "vite";

/** Lets the browser fetch the fonts whose names begin like this before it has read the styles, so that no text jumps. */
export function preload(...names: string[]): Plugin {
  return {
    name: "souk-preload",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (_, { bundle }) =>
        Object.keys(bundle ?? {})
          .filter((file) => names.some((name) => file.startsWith(`assets/${name}`)))
          .map((file) => ({
            tag: "link",
            attrs: { rel: "preload", as: "font", type: "font/woff2", href: `/${file}`, crossorigin: true },
            injectTo: "head",
          })),
    },
  };
}
