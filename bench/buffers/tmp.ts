import { CODECS } from "./codecs.js"; import { makeMessages, encode } from "./messages.js";
const which=process.argv[2]; const mode=process.argv[3];
const codec=CODECS.map((make)=>make()).find(({name})=>name===which)!;
const messages=makeMessages(); const enc=messages.map(encode);
function writes(){ let n=0; for(let i=0;i<6400;i++) n+=codec.write(messages[i&63]!); return n; }
function reads(){ let n=0; for(let i=0;i<6400;i++) { codec.open(enc[i&63]!); n+=codec.read(); } return n; }
const f=mode==="read"?reads:writes; let best=1e9; const all:number[]=[];
for(let r=0;r<300;r++){ const s=process.hrtime.bigint(); f(); const t=Number(process.hrtime.bigint()-s)/6400; all.push(t); best=Math.min(best,t);} all.sort((a,b)=>a-b);
console.log(which,mode,best.toFixed(1),all[150]!.toFixed(1));
