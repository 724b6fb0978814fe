// http.get: by the default agent, by one without keepAlive, with setKeepAlive on the socket, or with
// a silent connection in the agent's pool.
const http = require('http');

const [way, url, probeS, silenceS] = process.argv.slice(2);
const agents = {
  default: http.globalAgent,
  plain: new http.Agent(),
  set: new http.Agent(),
  pool: new http.Agent({ keepAlive: true, maxSockets: 1 }),
};

function get(then) {
  const request = http.get(url, { agent: agents[way] }, (response) => {
    let text = '';
    response.on('data', (data) => { text += data; });
    response.on('end', () => then(text));
  });
  if (way === 'set') {
    request.setSocketKeepAlive(true, Number(probeS) * 1000);
  }
  request.on('error', (error) => {
    console.error(String(error));
    process.exit(1);
  });
}

function finish(text) {
  console.log(text);
  process.exit(0);
}

if (way === 'pool') {
  get(() => setTimeout(() => get(finish), Number(silenceS) * 1000));
} else {
  get(finish);
}
