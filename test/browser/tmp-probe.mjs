import { chromium } from 'playwright-core';
import http from 'node:http';
const args = process.argv.slice(2);
const dir='/tmp/cr';
const t=Date.now();
const b = await chromium.launch({ executablePath: dir+'/chromium', args, env: {...process.env, LD_LIBRARY_PATH: dir+'/lib'} });
const s = http.createServer((q,r)=>{r.setHeader('content-type','text/html');r.end('<h1>x</h1>')}).listen(0,'127.0.0.1');
await new Promise(r=>s.on('listening',r));
const p = await b.newPage();
await p.goto('http://127.0.0.1:'+s.address().port);
console.log(b.version(), Date.now()-t);
console.log(await p.evaluate(async()=>{
 if(!navigator.gpu) return 'no gpu';
 const a = await navigator.gpu.requestAdapter(); if(!a) return 'no adapter';
 const i=a.info; return JSON.stringify({v:i.vendor,a:i.architecture,d:i.device,desc:i.description,min:i.subgroupMinSize,max:i.subgroupMaxSize,fb:i.isFallbackAdapter,f:[...a.features],sb:a.limits.maxStorageBuffersPerShaderStage, mb:a.limits.maxBufferSize});
}));
await b.close(); s.close();
