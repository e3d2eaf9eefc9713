package testserver;

import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings.ClientIdStrategyEnum;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings.IdStrategyEnum;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.ValueSetOperationProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.io.File;
import java.nio.file.Files;
import java.util.Properties;
import java.util.Set;
import javax.sql.DataSource;
import org.apache.catalina.Context;
import org.apache.catalina.Wrapper;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;
import org.h2.jdbcx.JdbcConnectionPool;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/**
 * A HAPI FHIR JPA R4 server for tests, on the loopback address, with its data in memory.
 *
 * <p>Settings are system properties: {@code port}, {@code pageSize} and {@code maxPageSize} (of
 * searches), {@code searchCacheMillis} (how long the result of an equal search is used again, 0 =
 * never). Any failure to start ends the process with status 1.
 */
@Configuration
@Import({
  JpaR4Config.class,
  HapiJpaConfig.class,
  JpaBatch2Config.class,
  Batch2JobsConfig.class,
  SubscriptionChannelConfig.class,
  ThreadPoolFactoryConfig.class
})
public class HapiServer {
  private static final String LOOPBACK = "127.0.0.1";
  private static final String PERSISTENCE_UNIT = "fhir";

  public static void main(String[] arguments) {
    try {
      start();
    } catch (Throwable failure) {
      // Threads that are already running would keep the process alive without a server.
      failure.printStackTrace();
      System.exit(1);
    }
  }

  private static void start() throws Exception {
    AnnotationConfigApplicationContext beans =
        new AnnotationConfigApplicationContext(HapiServer.class);
    beans.registerShutdownHook();
    Tomcat tomcat = new Tomcat();
    File scratch = Files.createTempDirectory("hapi-test-server").toFile();
    scratch.deleteOnExit();
    tomcat.setBaseDir(scratch.getPath());
    tomcat.setConnector(connector());
    Context context = tomcat.addContext("", scratch.getPath());
    Wrapper servlet = Tomcat.addServlet(context, "fhir", beans.getBean(RestfulServer.class));
    servlet.setLoadOnStartup(1);
    context.addServletMappingDecoded("/fhir/*", "fhir");
    tomcat.start();
  }

  private static Connector connector() {
    Connector connector = new Connector();
    connector.setPort(setting("port", 8931));
    connector.setProperty("address", LOOPBACK);
    connector.setProperty("relaxedQueryChars", "|");
    connector.setThrowOnFailure(true);
    return connector;
  }

  private static int setting(String name, int otherwise) {
    return Integer.getInteger(name, otherwise);
  }

  private static String base() {
    return "http://" + LOOPBACK + ":" + setting("port", 8931) + "/fhir";
  }

  /** Takes what real charts hold: ids of any form, references whose target is missing. */
  @Bean
  public JpaStorageSettings storageSettings() {
    JpaStorageSettings settings = new JpaStorageSettings();
    settings.setResourceClientIdStrategy(ClientIdStrategyEnum.ANY);
    settings.setResourceServerIdStrategy(IdStrategyEnum.UUID);
    settings.setEnforceReferentialIntegrityOnWrite(false);
    settings.setEnforceReferentialIntegrityOnDelete(false);
    settings.setAllowExternalReferences(true);
    settings.setTreatBaseUrlsAsLocal(Set.of(base()));
    long reused = setting("searchCacheMillis", 0);
    settings.setReuseCachedSearchResultsForMillis(reused > 0 ? reused : null);
    settings.setExpungeEnabled(true);
    settings.setAllowMultipleDelete(true);
    return settings;
  }

  @Bean
  public PartitionSettings partitionSettings() {
    return new PartitionSettings();
  }

  @Bean(destroyMethod = "dispose")
  public JdbcConnectionPool dataSource() {
    return JdbcConnectionPool.create("jdbc:h2:mem:fhir;DB_CLOSE_DELAY=-1", "sa", "");
  }

  @Bean
  @Primary
  public LocalContainerEntityManagerFactoryBean entityManagerFactory(
      ConfigurableListableBeanFactory beans,
      FhirContext fhir,
      JpaStorageSettings settings,
      DataSource database) {
    LocalContainerEntityManagerFactoryBean factory =
        HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
    factory.setPersistenceUnitName(PERSISTENCE_UNIT);
    factory.setDataSource(database);
    Properties properties = new Properties();
    properties.setProperty("hibernate.dialect", HapiFhirH2Dialect.class.getName());
    properties.setProperty("hibernate.hbm2ddl.auto", "update");
    properties.setProperty("hibernate.search.enabled", "false");
    factory.setJpaProperties(properties);
    return factory;
  }

  @Bean
  @Primary
  public JpaTransactionManager transactionManager(EntityManagerFactory factory) {
    return new JpaTransactionManager(factory);
  }

  @Bean
  public RestfulServer fhirServer(
      FhirContext fhir,
      ResourceProviderFactory resources,
      IJpaSystemProvider system,
      ValueSetOperationProvider valueSets,
      DatabaseBackedPagingProvider paging,
      IFhirSystemDao<?, ?> dao,
      JpaStorageSettings settings,
      ISearchParamRegistry parameters,
      IValidationSupport validation) {
    RestfulServer server = new RestfulServer(fhir);
    server.registerProviders(resources.createProviders());
    server.registerProviders(system, valueSets);
    server.setServerConformanceProvider(
        new JpaCapabilityStatementProvider(server, dao, settings, parameters, validation));
    paging.setDefaultPageSize(setting("pageSize", 20));
    paging.setMaximumPageSize(setting("maxPageSize", 200));
    server.setPagingProvider(paging);
    return server;
  }
}
