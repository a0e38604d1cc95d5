#!/usr/bin/env bash
# Finding: Spring AI's OpenAI starter and Spring Boot's OpenTelemetry starter put two versions of OkHttp on one class path.
#
# Seen with Spring Boot 4.0.7, Spring AI 2.0.1 and Maven. One brings com.squareup.okhttp3:okhttp 4.12.0, the other okhttp-jvm 5.2.1,
# the same classes under another name since version 5, so Maven sees no conflict. With the Spring AI starter first in the pom, okio-jvm is
# 3.6.0, which OkHttp 5 cannot run with. The program works as long as the jar of OkHttp 4 stands first on the class path, as it does
# in Maven's order. With java -cp 'lib/*', whose order is not defined, calls may end in NoSuchMethodError: okio.Okio.socket. With
# the OpenTelemetry starter first, okio-jvm is 3.16.1, and every order works.
#
# Where it matters: the two starters are what one adds to report model calls over OTLP. Fails when that changes. Needs bash, Java 17
# and Maven; about 20 MB.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

spring_ai='<dependency><groupId>org.springframework.ai</groupId><artifactId>spring-ai-starter-model-openai</artifactId></dependency>'
otel='<dependency><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-opentelemetry</artifactId></dependency>'

# versions A B prints what of Square's libraries two dependencies bring, in this order.
versions() {
  cat >pom.xml <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent><groupId>org.springframework.boot</groupId><artifactId>spring-boot-starter-parent</artifactId><version>4.0.7</version><relativePath/></parent>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencyManagement><dependencies><dependency>
    <groupId>org.springframework.ai</groupId><artifactId>spring-ai-bom</artifactId><version>2.0.1</version><type>pom</type><scope>import</scope>
  </dependency></dependencies></dependencyManagement>
  <dependencies>$1$2</dependencies>
</project>
XML
  mvn -B dependency:tree -Dincludes=com.squareup.okhttp3,com.squareup.okio </dev/null |
    grep -oE 'squareup[a-z0-9.]*:(okhttp|okhttp-jvm|okio-jvm):jar:[0-9.]+' | cut -d: -f2- | sort | tr '\n' ' '
}

first=$(versions "$spring_ai" "$otel")
second=$(versions "$otel" "$spring_ai")
echo "Spring AI first: $first"
echo "OpenTelemetry first: $second"
[ "$first" = "okhttp-jvm:jar:5.2.1 okhttp:jar:4.12.0 okio-jvm:jar:3.6.0 " ]
[ "$second" = "okhttp-jvm:jar:5.2.1 okhttp:jar:4.12.0 okio-jvm:jar:3.16.1 " ]

# OkHttp 5.2.1 with the okio of the first order.
for jar in okhttp3:okhttp-jvm:5.2.1 okio:okio-jvm:3.6.0 okio:okio-jvm:3.16.1; do
  mvn -B -q dependency:copy -Dartifact="com.squareup.$jar" -DoutputDirectory="$dir" </dev/null
done
mvn -B -q dependency:copy -Dartifact=org.jetbrains.kotlin:kotlin-stdlib:2.2.20 -DoutputDirectory="$dir" </dev/null
cat >Call.java <<'JAVA'
import okhttp3.OkHttpClient;
import okhttp3.Request;

final class Call {
    public static void main(String[] args) throws Exception {
        try (var server = new java.net.ServerSocket(0, 1, java.net.InetAddress.getLoopbackAddress())) {
            var request = new Request.Builder().url("http://127.0.0.1:" + server.getLocalPort() + "/").build();
            var client = new OkHttpClient.Builder().callTimeout(java.time.Duration.ofSeconds(3)).build();
            client.newCall(request).execute();
        } catch (java.io.IOException e) {
            System.out.println("no answer"); // There is nobody to answer: it got as far as that.
        } catch (NoSuchMethodError e) {
            System.out.println("no method");
        }
        System.exit(0);
    }
}
JAVA
javac -cp okhttp-jvm-5.2.1.jar:kotlin-stdlib-2.2.20.jar:okio-jvm-3.16.1.jar Call.java
for okio in 3.6.0 3.16.1; do
  echo "okio $okio: $(java -cp ".:okhttp-jvm-5.2.1.jar:kotlin-stdlib-2.2.20.jar:okio-jvm-$okio.jar" Call 2>/dev/null)"
done | tee result
[ "$(cat result)" = "okio 3.6.0: no method
okio 3.16.1: no answer" ]
