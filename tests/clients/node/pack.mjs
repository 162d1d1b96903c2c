// Where the pack is, and a watch over who is contacted: nobody but this computer.
import dns from "node:dns";
import net from "node:net";

export const url = process.env.LLAMAPACK_CHECK_URL;
export const key = process.env.LLAMAPACK_CHECK_KEY;

const here = new Set(["127.0.0.1", "localhost", "::1"]);

function refuseStrangers(host) {
  if (host && !here.has(host)) throw new Error(`The client contacts ${host}`);
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...parameters) {
  const [first] = Array.isArray(parameters[0]) ? parameters[0] : parameters;
  refuseStrangers(first?.host);
  return connect.apply(this, parameters);
};
const lookup = dns.lookup;
dns.lookup = function (host, ...rest) {
  refuseStrangers(host);
  return lookup.call(this, host, ...rest);
};
