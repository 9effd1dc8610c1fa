/// <reference lib="esnext.disposable" />

declare module "*.css" {}
