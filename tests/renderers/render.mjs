// Markdown texts (a JSON list on standard input) -> the HTML of each renderer, by its name.
// "sandbox" is the stack of the official CDS Hooks Sandbox, which lets raw HTML through.
import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import ReactMarkdown from "react-markdown";
import rehypeRaw from "rehype-raw";
import remarkGfm from "remark-gfm";
import { marked } from "marked";
import MarkdownIt from "markdown-it";

const permissive = new MarkdownIt({ html: true, linkify: true });
const plugins = { remarkPlugins: [remarkGfm], rehypePlugins: [rehypeRaw] };
const renderers = {
  sandbox: (text) => renderToStaticMarkup(createElement(ReactMarkdown, plugins, text)),
  marked: (text) => marked.parse(text, { gfm: true }),
  "markdown-it": (text) => permissive.render(text),
};

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const texts = JSON.parse(Buffer.concat(chunks).toString("utf8"));
const rendered = Object.entries(renderers).map(([name, render]) => [name, texts.map(render)]);
process.stdout.write(JSON.stringify(Object.fromEntries(rendered)));
