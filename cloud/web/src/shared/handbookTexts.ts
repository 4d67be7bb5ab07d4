/** The words around the handbook's own, Chinese first. */
export const zh = {
  section: "解读手册",
  title: "基本养老服务解读手册",
  draft: "这里用大白话讲每一项服务。条文还在核对，是否符合、发多少，以民政等部门的认定为准。",
  print: "打印（大字，每项一页）",
  contents: "目录",
  who: "谁可以申请",
  all: "下面每一条都要符合：",
  any: "下面有一条符合就行：",
  bring: "要带什么（以窗口要求为准）",
  ask: "到哪里问",
  where: "先问社区（村）居委会，或街道（乡镇）的民政服务窗口；在养老机构的，也可以问护士长。",
  version: "规则版本 {{version}}，{{day}}",
  failed: "手册没有取到：{{why}}",
};

export const en: typeof zh = {
  section: "Handbook",
  title: "Handbook of basic care services",
  draft: "Each service in plain words. The texts are still being checked; whether somebody is entitled, and to how much, the offices decide.",
  print: "Print (large type, a page for each)",
  contents: "Contents",
  who: "Who may apply",
  all: "All of these must hold:",
  any: "One of these is enough:",
  bring: "What to bring (the office has the last word)",
  ask: "Where to ask",
  where: "Ask the neighbourhood committee first, or the civil affairs desk of the street or township; in a home, also the head nurse.",
  version: "Rules {{version}}, {{day}}",
  failed: "The handbook could not be fetched: {{why}}",
};
